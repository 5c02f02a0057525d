// The committed offsets of a group: OffsetCommit (key 8) and OffsetFetch (9; version 8 asks for
// many groups at once).
#pragma once

#include "kafka/wire/error_code.h"
#include "kafka/wire/wire_type.h"

namespace atl::kafka {

struct OffsetCommitResponse;

struct OffsetCommitPartition {
  PartitionId partition_index;
  Offset committed_offset;
  LeaderEpoch committed_leader_epoch = kNoEpoch;
  std::optional<std::string> committed_metadata;

  static void Describe(auto& c, auto& m) {
    c.Field("partition_index", m.partition_index);
    c.Field("committed_offset", m.committed_offset);
    c.Field("committed_leader_epoch", m.committed_leader_epoch, since(6));
    c.Field("committed_metadata", m.committed_metadata);
  }
};

struct OffsetCommitTopic {
  TopicName name;
  std::vector<OffsetCommitPartition> partitions;

  static void Describe(auto& c, auto& m) {
    c.Field("name", m.name);
    c.Field("partitions", m.partitions);
  }
};

struct OffsetCommitRequest {
  using Response = OffsetCommitResponse;
  static constexpr std::string_view kName = "OffsetCommit";
  static constexpr int16_t kApiKey = 8;
  static constexpr int16_t kMinVersion = 2;
  static constexpr int16_t kMaxVersion = 8;
  static constexpr int16_t kFlexibleFrom = 8;

  GroupId group_id;
  int32_t generation_id = -1;  // -1 with an empty member id: a consumer without a group's life.
  std::string member_id;
  std::optional<std::string> group_instance_id;
  int64_t retention_time_ms = -1;  // -1: as the broker is configured.
  std::vector<OffsetCommitTopic> topics;

  static void Describe(auto& c, auto& m) {
    c.Field("group_id", m.group_id);
    c.Field("generation_id", m.generation_id);
    c.Field("member_id", m.member_id);
    c.Field("group_instance_id", m.group_instance_id, since(7).nullable(7));
    c.Field("retention_time_ms", m.retention_time_ms, until(4));
    c.Field("topics", m.topics);
  }
};

struct OffsetCommitPartitionResult {
  PartitionId partition_index;
  ErrorCode error_code = ErrorCode::kNone;

  static void Describe(auto& c, auto& m) {
    c.Field("partition_index", m.partition_index);
    c.Field("error_code", m.error_code);
  }
};

struct OffsetCommitTopicResult {
  TopicName name;
  std::vector<OffsetCommitPartitionResult> partitions;

  static void Describe(auto& c, auto& m) {
    c.Field("name", m.name);
    c.Field("partitions", m.partitions);
  }
};

struct OffsetCommitResponse {
  using Request = OffsetCommitRequest;

  int32_t throttle_time_ms = 0;
  std::vector<OffsetCommitTopicResult> topics;

  static void Describe(auto& c, auto& m) {
    c.Field("throttle_time_ms", m.throttle_time_ms, since(3));
    c.Field("topics", m.topics);
  }
};

struct OffsetFetchResponse;

struct OffsetFetchTopic {
  TopicName name;
  std::vector<PartitionId> partition_indexes;

  static void Describe(auto& c, auto& m) {
    c.Field("name", m.name);
    c.Field("partition_indexes", m.partition_indexes);
  }
};

struct OffsetFetchGroup {
  GroupId group_id;
  std::optional<std::vector<OffsetFetchTopic>> topics;  // Null: all.

  static void Describe(auto& c, auto& m) {
    c.Field("group_id", m.group_id);
    c.Field("topics", m.topics);
  }
};

struct OffsetFetchRequest {
  using Response = OffsetFetchResponse;
  static constexpr std::string_view kName = "OffsetFetch";
  static constexpr int16_t kApiKey = 9;
  static constexpr int16_t kMinVersion = 1;
  static constexpr int16_t kMaxVersion = 8;
  static constexpr int16_t kFlexibleFrom = 6;

  GroupId group_id;
  std::optional<std::vector<OffsetFetchTopic>> topics;  // Null: all.
  std::vector<OffsetFetchGroup> groups;
  bool require_stable = false;  // Wait for the ends of transactions.

  static void Describe(auto& c, auto& m) {
    c.Field("group_id", m.group_id, until(7));
    c.Field("topics", m.topics, until(7).nullable(2));
    c.Field("groups", m.groups, since(8));
    c.Field("require_stable", m.require_stable, since(7));
  }
};

struct OffsetFetchPartitionResult {
  PartitionId partition_index;
  Offset committed_offset = kNoOffset;  // kNoOffset: none.
  LeaderEpoch committed_leader_epoch = kNoEpoch;
  std::optional<std::string> metadata;
  ErrorCode error_code = ErrorCode::kNone;

  static void Describe(auto& c, auto& m) {
    c.Field("partition_index", m.partition_index);
    c.Field("committed_offset", m.committed_offset);
    c.Field("committed_leader_epoch", m.committed_leader_epoch, since(5));
    c.Field("metadata", m.metadata);
    c.Field("error_code", m.error_code);
  }
};

struct OffsetFetchTopicResult {
  TopicName name;
  std::vector<OffsetFetchPartitionResult> partitions;

  static void Describe(auto& c, auto& m) {
    c.Field("name", m.name);
    c.Field("partitions", m.partitions);
  }
};

struct OffsetFetchGroupResult {
  GroupId group_id;
  std::vector<OffsetFetchTopicResult> topics;
  ErrorCode error_code = ErrorCode::kNone;

  static void Describe(auto& c, auto& m) {
    c.Field("group_id", m.group_id);
    c.Field("topics", m.topics);
    c.Field("error_code", m.error_code);
  }
};

struct OffsetFetchResponse {
  using Request = OffsetFetchRequest;

  int32_t throttle_time_ms = 0;
  std::vector<OffsetFetchTopicResult> topics;
  ErrorCode error_code = ErrorCode::kNone;
  std::vector<OffsetFetchGroupResult> groups;

  static void Describe(auto& c, auto& m) {
    c.Field("throttle_time_ms", m.throttle_time_ms, since(3));
    c.Field("topics", m.topics, until(7));
    c.Field("error_code", m.error_code, since(2).until(7));
    c.Field("groups", m.groups, since(8));
  }
};

}  // namespace atl::kafka
