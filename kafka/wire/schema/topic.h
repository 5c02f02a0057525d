// CreateTopics (19), DeleteTopics (20) and CreatePartitions (37).
#pragma once

#include "kafka/wire/error_code.h"
#include "kafka/wire/schema/common.h"
#include "kafka/wire/wire_type.h"

namespace atl::kafka {

struct CreateTopicsResponse;

struct CreatableReplicaAssignment {
  PartitionId partition_index;
  std::vector<NodeId> broker_ids;

  static void Describe(auto& c, auto& m) {
    c.Field("partition_index", m.partition_index);
    c.Field("broker_ids", m.broker_ids);
  }
};

struct CreatableTopicConfig {
  std::string name;
  std::optional<std::string> value;

  static void Describe(auto& c, auto& m) {
    c.Field("name", m.name);
    c.Field("value", m.value);
  }
};

struct CreatableTopic {
  TopicName name;
  int32_t num_partitions = 0;      // -1: the broker's default (v4).
  int16_t replication_factor = 0;  // -1: the broker's default (v4).
  std::vector<CreatableReplicaAssignment> assignments;
  std::vector<CreatableTopicConfig> configs;

  static void Describe(auto& c, auto& m) {
    c.Field("name", m.name);
    c.Field("num_partitions", m.num_partitions);
    c.Field("replication_factor", m.replication_factor);
    c.Field("assignments", m.assignments);
    c.Field("configs", m.configs);
  }
};

struct CreateTopicsRequest {
  using Response = CreateTopicsResponse;
  static constexpr std::string_view kName = "CreateTopics";
  static constexpr int16_t kApiKey = 19;
  static constexpr int16_t kMinVersion = 2;
  static constexpr int16_t kMaxVersion = 7;
  static constexpr int16_t kFlexibleFrom = 5;

  std::vector<CreatableTopic> topics;
  int32_t timeout_ms = 60000;
  bool validate_only = false;

  static void Describe(auto& c, auto& m) {
    c.Field("topics", m.topics);
    c.Field("timeout_ms", m.timeout_ms);
    c.Field("validate_only", m.validate_only);
  }
};

struct CreatableTopicConfigs {
  std::string name;
  std::optional<std::string> value;
  bool read_only = false;
  ConfigSource config_source{-1};
  bool is_sensitive = false;

  static void Describe(auto& c, auto& m) {
    c.Field("name", m.name, since(5));
    c.Field("value", m.value, since(5));
    c.Field("read_only", m.read_only, since(5));
    c.Field("config_source", m.config_source, since(5));
    c.Field("is_sensitive", m.is_sensitive, since(5));
  }
};

struct CreatableTopicResult {
  TopicName name;
  TopicId topic_id;
  ErrorCode error_code = ErrorCode::kNone;
  std::optional<std::string> error_message;
  ErrorCode topic_config_error_code = ErrorCode::kNone;
  int32_t num_partitions = -1;
  int16_t replication_factor = -1;
  std::optional<std::vector<CreatableTopicConfigs>> configs;

  static void Describe(auto& c, auto& m) {
    c.Field("name", m.name);
    c.Field("topic_id", m.topic_id, since(7));
    c.Field("error_code", m.error_code);
    c.Field("error_message", m.error_message);
    c.Tagged(0, "topic_config_error_code", m.topic_config_error_code, since(5));
    c.Field("num_partitions", m.num_partitions, since(5));
    c.Field("replication_factor", m.replication_factor, since(5));
    c.Field("configs", m.configs, since(5));
  }
};

struct CreateTopicsResponse {
  using Request = CreateTopicsRequest;

  int32_t throttle_time_ms = 0;
  std::vector<CreatableTopicResult> topics;

  static void Describe(auto& c, auto& m) {
    c.Field("throttle_time_ms", m.throttle_time_ms);
    c.Field("topics", m.topics);
  }
};

struct DeleteTopicsResponse;

struct DeleteTopicState {
  std::optional<TopicName> name;  // Null: by id.
  TopicId topic_id;

  static void Describe(auto& c, auto& m) {
    c.Field("name", m.name, since(6));
    c.Field("topic_id", m.topic_id, since(6));
  }
};

struct DeleteTopicsRequest {
  using Response = DeleteTopicsResponse;
  static constexpr std::string_view kName = "DeleteTopics";
  static constexpr int16_t kApiKey = 20;
  static constexpr int16_t kMinVersion = 1;
  static constexpr int16_t kMaxVersion = 6;
  static constexpr int16_t kFlexibleFrom = 4;

  std::vector<DeleteTopicState> topics;
  std::vector<TopicName> topic_names;
  int32_t timeout_ms = 0;

  static void Describe(auto& c, auto& m) {
    c.Field("topics", m.topics, since(6));
    c.Field("topic_names", m.topic_names, until(5));
    c.Field("timeout_ms", m.timeout_ms);
  }
};

struct DeletableTopicResult {
  std::optional<TopicName> name;
  TopicId topic_id;
  ErrorCode error_code = ErrorCode::kNone;
  std::optional<std::string> error_message;

  static void Describe(auto& c, auto& m) {
    c.Field("name", m.name, nullable(6));
    c.Field("topic_id", m.topic_id, since(6));
    c.Field("error_code", m.error_code);
    c.Field("error_message", m.error_message, since(5));
  }
};

struct DeleteTopicsResponse {
  using Request = DeleteTopicsRequest;

  int32_t throttle_time_ms = 0;
  std::vector<DeletableTopicResult> responses;

  static void Describe(auto& c, auto& m) {
    c.Field("throttle_time_ms", m.throttle_time_ms);
    c.Field("responses", m.responses);
  }
};

struct CreatePartitionsResponse;

struct CreatePartitionsAssignment {
  std::vector<NodeId> broker_ids;

  static void Describe(auto& c, auto& m) { c.Field("broker_ids", m.broker_ids); }
};

struct CreatePartitionsTopic {
  TopicName name;
  int32_t count = 0;  // The new number of partitions, not how many to add.
  std::optional<std::vector<CreatePartitionsAssignment>> assignments;

  static void Describe(auto& c, auto& m) {
    c.Field("name", m.name);
    c.Field("count", m.count);
    c.Field("assignments", m.assignments);
  }
};

struct CreatePartitionsRequest {
  using Response = CreatePartitionsResponse;
  static constexpr std::string_view kName = "CreatePartitions";
  static constexpr int16_t kApiKey = 37;
  static constexpr int16_t kMinVersion = 0;
  static constexpr int16_t kMaxVersion = 3;
  static constexpr int16_t kFlexibleFrom = 2;

  std::vector<CreatePartitionsTopic> topics;
  int32_t timeout_ms = 0;
  bool validate_only = false;

  static void Describe(auto& c, auto& m) {
    c.Field("topics", m.topics);
    c.Field("timeout_ms", m.timeout_ms);
    c.Field("validate_only", m.validate_only);
  }
};

struct CreatePartitionsTopicResult {
  TopicName name;
  ErrorCode error_code = ErrorCode::kNone;
  std::optional<std::string> error_message;

  static void Describe(auto& c, auto& m) {
    c.Field("name", m.name);
    c.Field("error_code", m.error_code);
    c.Field("error_message", m.error_message);
  }
};

struct CreatePartitionsResponse {
  using Request = CreatePartitionsRequest;

  int32_t throttle_time_ms = 0;
  std::vector<CreatePartitionsTopicResult> results;

  static void Describe(auto& c, auto& m) {
    c.Field("throttle_time_ms", m.throttle_time_ms);
    c.Field("results", m.results);
  }
};

}  // namespace atl::kafka
