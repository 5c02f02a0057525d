// A client that reads one partition as a group of its own: it goes on where its group's committed
// offset is, in a region that owns the topic, and commits what it has read now and then. What it
// read, and where it went on, goes to the oracle (S13).
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "tests/sim/oracle.h"
#include "tests/sim/region.h"

namespace atl::sim {

class Consumer {
 public:
  Consumer(World& world, Oracle& oracle, TopicName topic, PartitionId partition,
           const std::vector<std::unique_ptr<Region>>& regions);
  void Start();

 private:
  void Poll();
  bool Choose();
  bool GoOn(const broker::Partition& partition);
  bool Read(const broker::Partition& partition);
  void Leave();
  // What the broker makes of it.
  std::optional<Offset> Known(const broker::Partition& partition, Offset position) const;
  void Commit(const broker::Partition& partition, Offset position);

  World& world_;
  Oracle& oracle_;
  const GroupId group_;
  const TopicName topic_;
  const PartitionId partition_;
  const std::vector<std::unique_ptr<Region>>& regions_;
  Region* region_ = nullptr;
  uint64_t boot_ = 0;
  TopicId id_;
  std::optional<Offset> position_;
  std::optional<MonotonicTime> leaves_at_;  // The region that does not own the topic any more.
  std::optional<BatchKey> last_read_;       // The batch before it, when it was read in this stay.
  LeaderEpoch epoch_ = kNoEpoch;            // Of the last record before it.
};

}  // namespace atl::sim
