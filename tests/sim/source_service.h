// What a region answers to the links of others: the mirror's side of Metadata, Fetch, ListOffsets
// and OffsetForLeaderEpoch, straight from the catalogue and the partitions, without the wire.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "mirror/ownership/ownership.h"
#include "mirror/pull/partition_mirror.h"
#include "tests/sim/region.h"

namespace atl::sim {

struct SourceTopicInfo {
  mirror::SourceTopic topic;
  int32_t partitions;
  std::map<std::string, std::string> config;
};
std::vector<SourceTopicInfo> ListTopics(Region& region);

struct SourceAnswer {
  kafka::ErrorCode error = kafka::ErrorCode::kNone;
  mirror::SourceOffsets offsets;
  std::shared_ptr<Bytes> records = std::make_shared<Bytes>();
};
// `cut`: answers end at max_bytes, inside a batch if need be.
SourceAnswer FetchRecords(Region& region, const TopicId& topic, PartitionId partition,
                          Offset offset, size_t max_bytes, bool cut);

struct EpochAnswer {
  kafka::ErrorCode error = kafka::ErrorCode::kNone;
  broker::EpochEnd end;
};
EpochAnswer EndOfEpoch(Region& region, const TopicId& topic, PartitionId partition,
                       LeaderEpoch epoch);

struct OffsetAnswer {
  kafka::ErrorCode error = kafka::ErrorCode::kNone;
  Offset offset = kNoOffset;
};
OffsetAnswer FirstOffset(Region& region, const TopicId& topic, PartitionId partition, bool latest);

// Null: not here.
std::shared_ptr<broker::Partition> PartitionOf(Region& region, const TopicId& topic,
                                               PartitionId partition);
// The bytes of [from, high watermark), at least one batch; nothing when they can't be read.
StatusOr<Bytes> ReadRecords(const broker::Partition& partition, Offset from, size_t max_bytes);

}  // namespace atl::sim
