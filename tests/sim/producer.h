// An idempotent client that writes to one partition with acks=all: one batch in flight, sent again
// with the same sequence until it is answered. What it was told is acknowledged goes to the oracle.
// Where it is told that the region does not accept, or is told nothing, it looks for one that says
// it owns the topic, and goes on there.
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
           PartitionId partition, Duration think,
           const std::vector<std::unique_ptr<Region>>& regions);

  void Start();  // Also again, once it has come to rest.
  void Stop() { stopped_ = true; }
  int acked() const { return acked_; }  // Batches, since the start.
  const TopicName& topic() const { return topic_; }

 private:
  struct Answer {
    kafka::ErrorCode error;
    Offset base_offset;
  };
  void Think();
  void MakeBatch();
  void NewIdentity();
  void Refresh();
  void GiveUp();
  bool AnywhereKnown() const;
  void Send();
  void Execute(uint64_t request, Region& region);
  void Reply(uint64_t request, Region& region, Answer answer);
  void OnAnswer(uint64_t request, Region& from, const Answer& answer);

  World& world_;
  Network& network_;
  Oracle& oracle_;
  const std::vector<std::unique_ptr<Region>>& regions_;
  Region* region_;
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
  int acked_ = 0;
  std::string last_acked_;  // Under the present identity.
};

}  // namespace atl::sim
