#include "core-broker/server/handlers/lookup.h"

#include <algorithm>

namespace atl::broker {

using kafka::ErrorCode;

FoundPartition FindPartition(const CatalogView& view, const TopicName& topic, PartitionId index) {
  FoundPartition found{.topic = view.Find(topic), .partition = nullptr};
  if (found.topic == nullptr || index < PartitionId(0)) return found;
  const auto at = static_cast<size_t>(index.value());
  if (at < found.topic->partitions.size()) found.partition = found.topic->partitions[at];
  return found;
}

LeaderEpoch CurrentEpoch(const Topic& topic, const Partition& partition) {
  return topic.is_mirror() ? std::max(topic.epoch, partition.last_epoch()) : topic.epoch;
}

ErrorCode CheckEpoch(LeaderEpoch asked, LeaderEpoch current) {
  if (asked == kNoEpoch || asked == current) return ErrorCode::kNone;
  return asked < current ? ErrorCode::kFencedLeaderEpoch : ErrorCode::kUnknownLeaderEpoch;
}

}  // namespace atl::broker
