// An idempotent client that writes to one partition with acks=all: one batch in flight, sent again
// with the same sequence until it is answered. What it was told is acknowledged goes to the oracle.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core-broker/partition/partition_types.h"
#include "tests/sim/network.h"
#include "tests/sim/oracle.h"
#include "tests/sim/region.h"

namespace atl::sim {

class Producer {
 public:
  // `think`: how long it waits between batches, at most.
  Producer(World& world, Network& network, Oracle& oracle, Region& region, TopicName topic,
           PartitionId partition, Duration think);

  void Start();
  void Stop() { stopped_ = true; }

 private:
  struct Answer {
    kafka::ErrorCode error;
    Offset base_offset;
  };
  void Think();
  void MakeBatch();
  void NewIdentity();
  void Send();
  void Execute(uint64_t request);
  void OnAnswer(uint64_t request, const Answer& answer);

  World& world_;
  Network& network_;
  Oracle& oracle_;
  Region& region_;
  const TopicName topic_;
  const PartitionId partition_;
  const Duration think_;
  bool stopped_ = false;
  ProducerId id_ = kNoProducer;
  Sequence sequence_{0};
  TopicId topic_id_;                 // Of the batch in flight.
  std::vector<std::string> values_;  // Likewise; empty: idle.
  Bytes batch_;
  uint64_t request_ = 0;
  int tries_ = 0;
};

}  // namespace atl::sim
