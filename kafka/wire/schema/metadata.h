// Metadata (key 3): brokers, topics, partitions and their leaders.
#pragma once

#include "kafka/wire/error_code.h"
#include "kafka/wire/schema/common.h"
#include "kafka/wire/wire_type.h"

namespace atl::kafka {

struct MetadataResponse;

struct MetadataRequestTopic {
  TopicId topic_id;  // Zero: by name.
  std::optional<TopicName> name;

  static void Describe(auto& c, auto& m) {
    c.Field("topic_id", m.topic_id, since(10));
    c.Field("name", m.name, nullable(10));
  }
};

struct MetadataRequest {
  using Response = MetadataResponse;
  static constexpr std::string_view kName = "Metadata";
  static constexpr int16_t kApiKey = 3;
  static constexpr int16_t kMinVersion = 0;
  static constexpr int16_t kMaxVersion = 12;
  static constexpr int16_t kFlexibleFrom = 9;

  // Null: all topics. In v0, which has no null, an empty array means all topics.
  std::optional<std::vector<MetadataRequestTopic>> topics;
  bool allow_auto_topic_creation = true;
  bool include_cluster_authorized_operations = false;
  bool include_topic_authorized_operations = false;

  static void Describe(auto& c, auto& m) {
    c.Field("topics", m.topics, nullable(1));
    c.Field("allow_auto_topic_creation", m.allow_auto_topic_creation, since(4));
    c.Field("include_cluster_authorized_operations", m.include_cluster_authorized_operations,
            since(8).until(10));
    c.Field("include_topic_authorized_operations", m.include_topic_authorized_operations, since(8));
  }
};

struct MetadataResponseBroker {
  NodeId node_id;
  std::string host;
  int32_t port = 0;
  std::optional<std::string> rack;

  static void Describe(auto& c, auto& m) {
    c.Field("node_id", m.node_id);
    c.Field("host", m.host);
    c.Field("port", m.port);
    c.Field("rack", m.rack, since(1));
  }
};

struct MetadataResponsePartition {
  ErrorCode error_code = ErrorCode::kNone;
  PartitionId partition_index;
  NodeId leader_id;
  LeaderEpoch leader_epoch = kNoEpoch;
  std::vector<NodeId> replica_nodes;
  std::vector<NodeId> isr_nodes;
  std::vector<NodeId> offline_replicas;

  static void Describe(auto& c, auto& m) {
    c.Field("error_code", m.error_code);
    c.Field("partition_index", m.partition_index);
    c.Field("leader_id", m.leader_id);
    c.Field("leader_epoch", m.leader_epoch, since(7));
    c.Field("replica_nodes", m.replica_nodes);
    c.Field("isr_nodes", m.isr_nodes);
    c.Field("offline_replicas", m.offline_replicas, since(5));
  }
};

struct MetadataResponseTopic {
  ErrorCode error_code = ErrorCode::kNone;
  std::optional<TopicName> name;
  TopicId topic_id;
  bool is_internal = false;
  std::vector<MetadataResponsePartition> partitions;
  int32_t topic_authorized_operations = kNoAuthorizedOperations;

  static void Describe(auto& c, auto& m) {
    c.Field("error_code", m.error_code);
    c.Field("name", m.name, nullable(12));
    c.Field("topic_id", m.topic_id, since(10));
    c.Field("is_internal", m.is_internal, since(1));
    c.Field("partitions", m.partitions);
    c.Field("topic_authorized_operations", m.topic_authorized_operations, since(8));
  }
};

struct MetadataResponse {
  using Request = MetadataRequest;

  int32_t throttle_time_ms = 0;
  std::vector<MetadataResponseBroker> brokers;
  std::optional<std::string> cluster_id;
  NodeId controller_id{-1};
  std::vector<MetadataResponseTopic> topics;
  int32_t cluster_authorized_operations = kNoAuthorizedOperations;

  static void Describe(auto& c, auto& m) {
    c.Field("throttle_time_ms", m.throttle_time_ms, since(3));
    c.Field("brokers", m.brokers);
    c.Field("cluster_id", m.cluster_id, since(2));
    c.Field("controller_id", m.controller_id, since(1));
    c.Field("topics", m.topics);
    c.Field("cluster_authorized_operations", m.cluster_authorized_operations, since(8).until(10));
  }
};

}  // namespace atl::kafka
