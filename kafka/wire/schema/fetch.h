// Fetch (key 1): batches from a log, for consumers and mirrors. Sessions: KIP-227; epochs and
// divergence: KIP-320, KIP-595.
#pragma once

#include "kafka/wire/error_code.h"
#include "kafka/wire/schema/common.h"
#include "kafka/wire/wire_type.h"

namespace atl::kafka {

struct FetchResponse;

struct FetchPartition {
  PartitionId partition;
  LeaderEpoch current_leader_epoch = kNoEpoch;
  Offset fetch_offset;
  LeaderEpoch last_fetched_epoch = kNoEpoch;
  Offset log_start_offset = kNoOffset;
  int32_t partition_max_bytes = 0;

  static void Describe(auto& c, auto& m) {
    c.Field("partition", m.partition);
    c.Field("current_leader_epoch", m.current_leader_epoch, since(9));
    c.Field("fetch_offset", m.fetch_offset);
    c.Field("last_fetched_epoch", m.last_fetched_epoch, since(12));
    c.Field("log_start_offset", m.log_start_offset, since(5));
    c.Field("partition_max_bytes", m.partition_max_bytes);
  }
};

struct FetchTopic {
  TopicName topic;
  std::vector<FetchPartition> partitions;

  static void Describe(auto& c, auto& m) {
    c.Field("topic", m.topic);
    c.Field("partitions", m.partitions);
  }
};

struct ForgottenTopic {
  TopicName topic;
  std::vector<PartitionId> partitions;

  static void Describe(auto& c, auto& m) {
    c.Field("topic", m.topic, since(7));
    c.Field("partitions", m.partitions, since(7));
  }
};

struct FetchRequest {
  using Response = FetchResponse;
  static constexpr std::string_view kName = "Fetch";
  static constexpr int16_t kApiKey = 1;
  static constexpr int16_t kMinVersion = 4;
  static constexpr int16_t kMaxVersion = 12;
  static constexpr int16_t kFlexibleFrom = 12;

  std::optional<std::string> cluster_id;
  NodeId replica_id{-1};
  int32_t max_wait_ms = 0;
  int32_t min_bytes = 0;
  int32_t max_bytes = INT32_MAX;
  IsolationLevel isolation_level = IsolationLevel::kReadUncommitted;
  int32_t session_id = 0;
  int32_t session_epoch = -1;
  std::vector<FetchTopic> topics;
  std::vector<ForgottenTopic> forgotten_topics_data;
  std::string rack_id;

  static void Describe(auto& c, auto& m) {
    c.Tagged(0, "cluster_id", m.cluster_id, since(12));
    c.Field("replica_id", m.replica_id);
    c.Field("max_wait_ms", m.max_wait_ms);
    c.Field("min_bytes", m.min_bytes);
    c.Field("max_bytes", m.max_bytes);
    c.Field("isolation_level", m.isolation_level);
    c.Field("session_id", m.session_id, since(7));
    c.Field("session_epoch", m.session_epoch, since(7));
    c.Field("topics", m.topics);
    c.Field("forgotten_topics_data", m.forgotten_topics_data, since(7));
    c.Field("rack_id", m.rack_id, since(11));
  }
};

struct FetchEpochEndOffset {
  LeaderEpoch epoch = kNoEpoch;
  Offset end_offset = kNoOffset;

  static void Describe(auto& c, auto& m) {
    c.Field("epoch", m.epoch, since(12));
    c.Field("end_offset", m.end_offset, since(12));
  }
};

struct LeaderIdAndEpoch {
  NodeId leader_id{-1};
  LeaderEpoch leader_epoch = kNoEpoch;

  static void Describe(auto& c, auto& m) {
    c.Field("leader_id", m.leader_id, since(12));
    c.Field("leader_epoch", m.leader_epoch, since(12));
  }
};

struct FetchSnapshotId {
  Offset end_offset = kNoOffset;
  LeaderEpoch epoch = kNoEpoch;

  static void Describe(auto& c, auto& m) {
    c.Field("end_offset", m.end_offset);
    c.Field("epoch", m.epoch);
  }
};

struct AbortedTransaction {
  ProducerId producer_id;
  Offset first_offset;

  static void Describe(auto& c, auto& m) {
    c.Field("producer_id", m.producer_id);
    c.Field("first_offset", m.first_offset);
  }
};

struct FetchPartitionData {
  PartitionId partition_index;
  ErrorCode error_code = ErrorCode::kNone;
  Offset high_watermark;
  Offset last_stable_offset = kNoOffset;
  Offset log_start_offset = kNoOffset;
  std::optional<FetchEpochEndOffset> diverging_epoch;
  std::optional<LeaderIdAndEpoch> current_leader;
  std::optional<FetchSnapshotId> snapshot_id;
  // Null unless the fetch is read_committed.
  std::optional<std::vector<AbortedTransaction>> aborted_transactions;
  NodeId preferred_read_replica{-1};
  RecordData records;

  static void Describe(auto& c, auto& m) {
    c.Field("partition_index", m.partition_index);
    c.Field("error_code", m.error_code);
    c.Field("high_watermark", m.high_watermark);
    c.Field("last_stable_offset", m.last_stable_offset);
    c.Field("log_start_offset", m.log_start_offset, since(5));
    c.Tagged(0, "diverging_epoch", m.diverging_epoch, since(12));
    c.Tagged(1, "current_leader", m.current_leader, since(12));
    c.Tagged(2, "snapshot_id", m.snapshot_id, since(12));
    c.Field("aborted_transactions", m.aborted_transactions);
    c.Field("preferred_read_replica", m.preferred_read_replica, since(11));
    c.Field("records", m.records);
  }
};

struct FetchableTopicResponse {
  TopicName topic;
  std::vector<FetchPartitionData> partitions;

  static void Describe(auto& c, auto& m) {
    c.Field("topic", m.topic);
    c.Field("partitions", m.partitions);
  }
};

struct FetchResponse {
  using Request = FetchRequest;

  int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::kNone;
  int32_t session_id = 0;
  std::vector<FetchableTopicResponse> responses;

  static void Describe(auto& c, auto& m) {
    c.Field("throttle_time_ms", m.throttle_time_ms);
    c.Field("error_code", m.error_code, since(7));
    c.Field("session_id", m.session_id, since(7));
    c.Field("responses", m.responses);
  }
};

}  // namespace atl::kafka
