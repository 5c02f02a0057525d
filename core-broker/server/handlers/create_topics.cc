#include "core-broker/server/handlers/create_topics.h"

#include <algorithm>
#include <map>
#include <utility>

#include "core-broker/server/handlers/blocking.h"
#include "core-broker/server/handlers/topic_config_entries.h"

namespace atl::broker {
namespace {

using kafka::CreatableTopic;
using kafka::CreatableTopicResult;
using kafka::ErrorCode;

constexpr int32_t kUseDefault = -1;

// What is wrong with a request for one topic, apart from what the catalogue knows.
struct Refusal {
  ErrorCode error = ErrorCode::kNone;
  std::string message;
};

// By hand: partitions 0..n-1, each on this node alone.
Refusal CheckAssignments(const Broker& broker, const CreatableTopic& asked) {
  if (asked.num_partitions != kUseDefault || asked.replication_factor != kUseDefault) {
    return {ErrorCode::kInvalidRequest,
            "both a number of partitions or replicas and an assignment are given"};
  }
  std::vector<bool> seen(asked.assignments.size());
  for (const kafka::CreatableReplicaAssignment& assignment : asked.assignments) {
    const int32_t index = assignment.partition_index.value();
    if (index < 0 || index >= std::ssize(seen) || seen[static_cast<size_t>(index)]) {
      return {ErrorCode::kInvalidReplicaAssignment, "partitions are not numbered from 0 upwards"};
    }
    seen[static_cast<size_t>(index)] = true;
    if (assignment.broker_ids != std::vector<NodeId>{broker.config.node_id}) {
      return {ErrorCode::kInvalidReplicaAssignment,
              fmt::format("partition {} is not assigned to node {}, the only one of this region",
                          index, broker.config.node_id.value())};
    }
  }
  return {};
}

Refusal CheckSizes(const Broker& broker, const CreatableTopic& asked) {
  const BrokerConfig& config = broker.config;
  if (!asked.assignments.empty()) return CheckAssignments(broker, asked);
  if (asked.num_partitions != kUseDefault && asked.num_partitions < 1) {
    return {ErrorCode::kInvalidPartitions, "Number of partitions must be larger than 0."};
  }
  if (asked.replication_factor != kUseDefault && asked.replication_factor < 1) {
    return {ErrorCode::kInvalidReplicationFactor, "Replication factor must be larger than 0."};
  }
  if (asked.replication_factor > 1 && !config.replication_factor_clamp) {
    return {ErrorCode::kInvalidReplicationFactor,
            fmt::format("Replication factor: {} larger than available brokers: 1.",
                        asked.replication_factor)};
  }
  return {};
}

int32_t PartitionCount(const Broker& broker, const CreatableTopic& asked) {
  if (!asked.assignments.empty()) return static_cast<int32_t>(asked.assignments.size());
  return asked.num_partitions == kUseDefault ? broker.config.default_partitions
                                             : asked.num_partitions;
}

Refusal ToSpec(const Broker& broker, const CreatableTopic& asked, TopicSpec& spec) {
  Refusal refusal = CheckSizes(broker, asked);
  if (refusal.error != ErrorCode::kNone) return refusal;
  spec.name = asked.name;
  spec.partition_count = PartitionCount(broker, asked);
  if (spec.partition_count > broker.config.max_partitions_per_topic) {
    return {ErrorCode::kInvalidPartitions, fmt::format("a topic has at most {} partitions here",
                                                       broker.config.max_partitions_per_topic)};
  }
  for (const kafka::CreatableTopicConfig& config : asked.configs) {
    if (!config.value.has_value()) {
      return {ErrorCode::kInvalidConfig,
              fmt::format("Null value not supported for {}.", config.name)};
    }
    spec.config[config.name] = *config.value;
  }
  return {};
}

void DescribeResult(const Topic& topic, CreatableTopicResult& result) {
  result.topic_id = topic.id;
  result.num_partitions = static_cast<int32_t>(topic.partitions.size());
  result.replication_factor = 1;
  auto& configs = result.configs.emplace();
  for (const TopicConfigEntry& entry : TopicConfigEntries(topic.config)) {
    configs.push_back({.name = entry.name, .value = entry.value, .config_source = entry.source});
  }
}

CreatableTopicResult CreateOne(Broker& broker, const CreatableTopic& asked, bool validate_only) {
  CreatableTopicResult result;
  result.name = asked.name;
  TopicSpec spec;
  Refusal refusal = ToSpec(broker, asked, spec);
  if (refusal.error == ErrorCode::kNone) {
    GateAnswer answer = broker.gate.AdmitCreate(asked.name);
    refusal = {answer.error, std::move(answer.message)};
  }
  CatalogOutcome outcome{refusal.error, std::move(refusal.message), nullptr};
  if (outcome.ok()) {
    outcome = validate_only ? broker.catalog.CheckCreate(spec) : broker.catalog.Create(spec);
  }
  result.error_code = outcome.error;
  if (!outcome.message.empty()) result.error_message = std::move(outcome.message);
  if (outcome.topic != nullptr) {
    DescribeResult(*outcome.topic, result);
  } else if (outcome.ok()) {
    result.num_partitions = spec.partition_count;
    result.replication_factor = 1;
    result.configs.emplace();
  }
  return result;
}

kafka::CreateTopicsResponse AnswerCreateTopics(Broker& broker, int16_t,
                                               const kafka::CreateTopicsRequest& request) {
  std::map<TopicName, int> times;
  for (const CreatableTopic& asked : request.topics) ++times[asked.name];
  kafka::CreateTopicsResponse response;
  for (const CreatableTopic& asked : request.topics) {
    const int count = std::exchange(times[asked.name], 0);
    if (count == 0) continue;  // Answered already, once for all of its entries.
    if (count == 1) {
      response.topics.push_back(CreateOne(broker, asked, request.validate_only));
      continue;
    }
    CreatableTopicResult& result = response.topics.emplace_back();
    result.name = asked.name;
    result.error_code = ErrorCode::kInvalidRequest;
    result.error_message = "Create topics request contains multiple entries for this topic.";
  }
  return response;
}

}  // namespace

void HandleCreateTopics(ExchangePtr exchange, kafka::CreateTopicsRequest request) {
  RunBlocking(std::move(exchange), std::move(request), &AnswerCreateTopics);
}

}  // namespace atl::broker
