// ListOffsets (key 2): the offset for a timestamp, or the ends of a log.
#pragma once

#include "kafka/wire/error_code.h"
#include "kafka/wire/schema/common.h"
#include "kafka/wire/wire_type.h"

namespace atl::kafka {

// What a ListOffsets timestamp below zero asks for.
inline constexpr Timestamp kLatestTimestamp{-1};
inline constexpr Timestamp kEarliestTimestamp{-2};
inline constexpr Timestamp kMaxTimestamp{-3};  // v7: the record with the largest timestamp.

struct ListOffsetsResponse;

struct ListOffsetsPartition {
  PartitionId partition_index;
  LeaderEpoch current_leader_epoch = kNoEpoch;
  Timestamp timestamp;

  static void Describe(auto& c, auto& m) {
    c.Field("partition_index", m.partition_index);
    c.Field("current_leader_epoch", m.current_leader_epoch, since(4));
    c.Field("timestamp", m.timestamp);
  }
};

struct ListOffsetsTopic {
  TopicName name;
  std::vector<ListOffsetsPartition> partitions;

  static void Describe(auto& c, auto& m) {
    c.Field("name", m.name);
    c.Field("partitions", m.partitions);
  }
};

struct ListOffsetsRequest {
  using Response = ListOffsetsResponse;
  static constexpr std::string_view kName = "ListOffsets";
  static constexpr int16_t kApiKey = 2;
  static constexpr int16_t kMinVersion = 1;
  static constexpr int16_t kMaxVersion = 7;
  static constexpr int16_t kFlexibleFrom = 6;

  NodeId replica_id{-1};
  IsolationLevel isolation_level = IsolationLevel::kReadUncommitted;
  std::vector<ListOffsetsTopic> topics;

  static void Describe(auto& c, auto& m) {
    c.Field("replica_id", m.replica_id);
    c.Field("isolation_level", m.isolation_level, since(2));
    c.Field("topics", m.topics);
  }
};

struct ListOffsetsPartitionResponse {
  PartitionId partition_index;
  ErrorCode error_code = ErrorCode::kNone;
  Timestamp timestamp = kNoTimestamp;
  Offset offset = kNoOffset;
  LeaderEpoch leader_epoch = kNoEpoch;

  static void Describe(auto& c, auto& m) {
    c.Field("partition_index", m.partition_index);
    c.Field("error_code", m.error_code);
    c.Field("timestamp", m.timestamp);
    c.Field("offset", m.offset);
    c.Field("leader_epoch", m.leader_epoch, since(4));
  }
};

struct ListOffsetsTopicResponse {
  TopicName name;
  std::vector<ListOffsetsPartitionResponse> partitions;

  static void Describe(auto& c, auto& m) {
    c.Field("name", m.name);
    c.Field("partitions", m.partitions);
  }
};

struct ListOffsetsResponse {
  using Request = ListOffsetsRequest;

  int32_t throttle_time_ms = 0;
  std::vector<ListOffsetsTopicResponse> topics;

  static void Describe(auto& c, auto& m) {
    c.Field("throttle_time_ms", m.throttle_time_ms, since(2));
    c.Field("topics", m.topics);
  }
};

}  // namespace atl::kafka
