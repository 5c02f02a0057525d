// The committed offsets of one group, in memory: what reads see. Only what the store has synced is
// ever in it. Pure; owned by the coordinator, under its lock.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/types.h"
#include "checkpoint/group_table.h"
#include "core-broker/group/committed_offset.h"
#include "core-broker/group/group_state.h"

namespace atl::broker {

struct StoredOffset {
  Offset offset;
  LeaderEpoch epoch = kNoEpoch;
  std::string metadata;
  WallTime committed{};
  std::optional<WallTime> expires;
  bool synced = false;
};

// One change of a group's offsets; without a value what was there is removed.
struct OffsetChange {
  GroupId group;
  TopicName topic;
  PartitionId partition;
  std::optional<StoredOffset> value;

  CommittedOffset ToCommitted() const;
  checkpoint::GroupOffsetRecord ToRecord() const;  // There must be a value.
};

class GroupOffsets {
 public:
  using Partitions = std::map<PartitionId, StoredOffset>;

  void Apply(const OffsetChange& change);
  const StoredOffset* Find(const TopicName& topic, PartitionId partition) const;
  const std::map<TopicName, Partitions>& topics() const { return topics_; }
  bool empty() const { return topics_.empty(); }

  // The removals that are due, by Kafka's rules (KIP-211): all offsets of a group without members
  // `retention` after its last member went or its last commit; those of a group that never had a
  // member by themselves; those of topics that a consumer group no longer subscribes to. An offset
  // that was placed for another region is removed by that one, until the group has lived here.
  std::vector<OffsetChange> Expired(const GroupState& state, Duration retention,
                                    WallTime now) const;

 private:
  std::map<TopicName, Partitions> topics_;  // No topic is without a partition.
};

}  // namespace atl::broker
