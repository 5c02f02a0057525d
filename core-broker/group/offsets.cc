#include "core-broker/group/offsets.h"

#include <algorithm>

#include "base/check.h"
#include "core-broker/group/subscription.h"

namespace atl::broker {

CommittedOffset OffsetChange::ToCommitted() const {
  CommittedOffset committed;
  committed.group = group;
  committed.topic = topic;
  committed.partition = partition;
  if (!value) return committed;
  committed.offset = value->offset;
  committed.epoch = value->epoch;
  committed.metadata = value->metadata;
  committed.committed = value->committed;
  committed.synced = value->synced;
  return committed;
}

checkpoint::GroupOffsetRecord OffsetChange::ToRecord() const {
  CHECK(value.has_value(), "a removed offset has no row");
  return {group,        topic,           partition,        value->offset,
          value->epoch, value->metadata, value->committed, value->expires,
          value->synced};
}

void GroupOffsets::Apply(const OffsetChange& change) {
  if (change.value) {
    topics_[change.topic][change.partition] = *change.value;
    return;
  }
  const auto topic = topics_.find(change.topic);
  if (topic == topics_.end()) return;
  topic->second.erase(change.partition);
  if (topic->second.empty()) topics_.erase(topic);
}

const StoredOffset* GroupOffsets::Find(const TopicName& topic, PartitionId partition) const {
  const auto found = topics_.find(topic);
  if (found == topics_.end()) return nullptr;
  const auto stored = found->second.find(partition);
  return stored == found->second.end() ? nullptr : &stored->second;
}

std::vector<OffsetChange> GroupOffsets::Expired(const GroupState& state, Duration retention,
                                                WallTime now) const {
  const bool empty = state.phase() == GroupPhase::kEmpty;
  const bool consumes =
      state.phase() == GroupPhase::kStable && state.protocol_type() == kConsumerProtocolType;
  std::vector<OffsetChange> expired;
  if (!empty && !consumes) return expired;
  for (const auto& [topic, partitions] : topics_) {
    if (consumes && state.SubscribesTo(topic)) continue;
    for (const auto& [partition, stored] : partitions) {
      if (stored.synced && state.is_simple()) continue;
      WallTime base = stored.committed;
      if (empty && !state.is_simple()) base = std::max(base, state.changed());
      const bool due = stored.expires ? now >= *stored.expires : now - base >= retention;
      if (due) expired.push_back({state.id(), topic, partition, std::nullopt});
    }
  }
  return expired;
}

}  // namespace atl::broker
