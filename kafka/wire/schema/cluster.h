// DescribeCluster (60) and DescribeLogDirs (35).
#pragma once

#include "kafka/wire/error_code.h"
#include "kafka/wire/schema/common.h"
#include "kafka/wire/wire_type.h"

namespace atl::kafka {

struct DescribeClusterResponse;

struct DescribeClusterRequest {
  using Response = DescribeClusterResponse;
  static constexpr std::string_view kName = "DescribeCluster";
  static constexpr int16_t kApiKey = 60;
  static constexpr int16_t kMinVersion = 0;
  static constexpr int16_t kMaxVersion = 0;
  static constexpr int16_t kFlexibleFrom = 0;

  bool include_cluster_authorized_operations = false;

  static void Describe(auto& c, auto& m) {
    c.Field("include_cluster_authorized_operations", m.include_cluster_authorized_operations);
  }
};

struct DescribeClusterBroker {
  NodeId broker_id;
  std::string host;
  int32_t port = 0;
  std::optional<std::string> rack;

  static void Describe(auto& c, auto& m) {
    c.Field("broker_id", m.broker_id);
    c.Field("host", m.host);
    c.Field("port", m.port);
    c.Field("rack", m.rack);
  }
};

struct DescribeClusterResponse {
  using Request = DescribeClusterRequest;

  int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::kNone;
  std::optional<std::string> error_message;
  std::string cluster_id;
  NodeId controller_id{-1};
  std::vector<DescribeClusterBroker> brokers;
  int32_t cluster_authorized_operations = kNoAuthorizedOperations;

  static void Describe(auto& c, auto& m) {
    c.Field("throttle_time_ms", m.throttle_time_ms);
    c.Field("error_code", m.error_code);
    c.Field("error_message", m.error_message);
    c.Field("cluster_id", m.cluster_id);
    c.Field("controller_id", m.controller_id);
    c.Field("brokers", m.brokers);
    c.Field("cluster_authorized_operations", m.cluster_authorized_operations);
  }
};

struct DescribeLogDirsResponse;

struct DescribableLogDirTopic {
  TopicName topic;
  std::vector<PartitionId> partitions;

  static void Describe(auto& c, auto& m) {
    c.Field("topic", m.topic);
    c.Field("partitions", m.partitions);
  }
};

struct DescribeLogDirsRequest {
  using Response = DescribeLogDirsResponse;
  static constexpr std::string_view kName = "DescribeLogDirs";
  static constexpr int16_t kApiKey = 35;
  static constexpr int16_t kMinVersion = 1;
  static constexpr int16_t kMaxVersion = 4;
  static constexpr int16_t kFlexibleFrom = 2;

  std::optional<std::vector<DescribableLogDirTopic>> topics;  // Null: all.

  static void Describe(auto& c, auto& m) { c.Field("topics", m.topics); }
};

struct DescribeLogDirsPartition {
  PartitionId partition_index;
  int64_t partition_size = 0;
  int64_t offset_lag = 0;
  bool is_future_key = false;

  static void Describe(auto& c, auto& m) {
    c.Field("partition_index", m.partition_index);
    c.Field("partition_size", m.partition_size);
    c.Field("offset_lag", m.offset_lag);
    c.Field("is_future_key", m.is_future_key);
  }
};

struct DescribeLogDirsTopic {
  TopicName name;
  std::vector<DescribeLogDirsPartition> partitions;

  static void Describe(auto& c, auto& m) {
    c.Field("name", m.name);
    c.Field("partitions", m.partitions);
  }
};

struct DescribeLogDirsResult {
  ErrorCode error_code = ErrorCode::kNone;
  std::string log_dir;
  std::vector<DescribeLogDirsTopic> topics;
  int64_t total_bytes = -1;
  int64_t usable_bytes = -1;

  static void Describe(auto& c, auto& m) {
    c.Field("error_code", m.error_code);
    c.Field("log_dir", m.log_dir);
    c.Field("topics", m.topics);
    c.Field("total_bytes", m.total_bytes, since(4));
    c.Field("usable_bytes", m.usable_bytes, since(4));
  }
};

struct DescribeLogDirsResponse {
  using Request = DescribeLogDirsRequest;

  int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::kNone;
  std::vector<DescribeLogDirsResult> results;

  static void Describe(auto& c, auto& m) {
    c.Field("throttle_time_ms", m.throttle_time_ms);
    c.Field("error_code", m.error_code, since(3));
    c.Field("results", m.results);
  }
};

}  // namespace atl::kafka
