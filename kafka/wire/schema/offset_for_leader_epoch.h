// OffsetForLeaderEpoch (key 23): where an epoch ends, for truncation and divergence (KIP-101,
// KIP-320).
#pragma once

#include "kafka/wire/error_code.h"
#include "kafka/wire/wire_type.h"

namespace atl::kafka {

struct OffsetForLeaderEpochResponse;

struct OffsetForLeaderPartition {
  PartitionId partition;
  LeaderEpoch current_leader_epoch = kNoEpoch;
  LeaderEpoch leader_epoch;

  static void Describe(auto& c, auto& m) {
    c.Field("partition", m.partition);
    c.Field("current_leader_epoch", m.current_leader_epoch);
    c.Field("leader_epoch", m.leader_epoch);
  }
};

struct OffsetForLeaderTopic {
  TopicName topic;
  std::vector<OffsetForLeaderPartition> partitions;

  static void Describe(auto& c, auto& m) {
    c.Field("topic", m.topic);
    c.Field("partitions", m.partitions);
  }
};

struct OffsetForLeaderEpochRequest {
  using Response = OffsetForLeaderEpochResponse;
  static constexpr std::string_view kName = "OffsetForLeaderEpoch";
  static constexpr int16_t kApiKey = 23;
  static constexpr int16_t kMinVersion = 2;
  static constexpr int16_t kMaxVersion = 4;
  static constexpr int16_t kFlexibleFrom = 4;

  NodeId replica_id{-2};
  std::vector<OffsetForLeaderTopic> topics;

  static void Describe(auto& c, auto& m) {
    c.Field("replica_id", m.replica_id, since(3));
    c.Field("topics", m.topics);
  }
};

struct EpochEndOffset {
  ErrorCode error_code = ErrorCode::kNone;
  PartitionId partition;
  LeaderEpoch leader_epoch = kNoEpoch;
  Offset end_offset = kNoOffset;

  static void Describe(auto& c, auto& m) {
    c.Field("error_code", m.error_code);
    c.Field("partition", m.partition);
    c.Field("leader_epoch", m.leader_epoch);
    c.Field("end_offset", m.end_offset);
  }
};

struct OffsetForLeaderTopicResult {
  TopicName topic;
  std::vector<EpochEndOffset> partitions;

  static void Describe(auto& c, auto& m) {
    c.Field("topic", m.topic);
    c.Field("partitions", m.partitions);
  }
};

struct OffsetForLeaderEpochResponse {
  using Request = OffsetForLeaderEpochRequest;

  int32_t throttle_time_ms = 0;
  std::vector<OffsetForLeaderTopicResult> topics;

  static void Describe(auto& c, auto& m) {
    c.Field("throttle_time_ms", m.throttle_time_ms);
    c.Field("topics", m.topics);
  }
};

}  // namespace atl::kafka
