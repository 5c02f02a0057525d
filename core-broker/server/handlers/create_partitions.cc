#include "core-broker/server/handlers/create_partitions.h"

#include <map>
#include <utility>

#include "core-broker/server/handlers/blocking.h"

namespace atl::broker {
namespace {

using kafka::CreatePartitionsTopic;
using kafka::CreatePartitionsTopicResult;
using kafka::ErrorCode;

CatalogOutcome CheckGrowth(const Broker& broker, const Topic& topic,
                           const CreatePartitionsTopic& asked) {
  GateAnswer gate = broker.gate.AdmitClient(topic.id);
  if (gate.error != ErrorCode::kNone) return {gate.error, std::move(gate.message), nullptr};
  const int32_t has = static_cast<int32_t>(topic.partitions.size());
  if (asked.count <= has) {
    return {ErrorCode::kInvalidPartitions,
            fmt::format("The topic {} currently has {} partition(s); {} would not be an increase.",
                        topic.name.value(), has, asked.count),
            nullptr};
  }
  if (asked.count > broker.config.max_partitions_per_topic) {
    return {ErrorCode::kInvalidPartitions,
            fmt::format("a topic has at most {} partitions here",
                        broker.config.max_partitions_per_topic),
            nullptr};
  }
  if (!asked.assignments.has_value()) return {};
  if (std::ssize(*asked.assignments) != asked.count - has) {
    return {ErrorCode::kInvalidReplicaAssignment,
            fmt::format("{} assignments for {} new partition(s)", asked.assignments->size(),
                        asked.count - has),
            nullptr};
  }
  for (const kafka::CreatePartitionsAssignment& assignment : *asked.assignments) {
    if (assignment.broker_ids != std::vector<NodeId>{broker.config.node_id}) {
      return {ErrorCode::kInvalidReplicaAssignment,
              fmt::format("node {} is the only one of this region", broker.config.node_id.value()),
              nullptr};
    }
  }
  return {};
}

CatalogOutcome GrowOne(Broker& broker, const CreatePartitionsTopic& asked, bool validate_only) {
  const auto topic = broker.catalog.view()->Find(asked.name);
  if (topic == nullptr) return {ErrorCode::kUnknownTopicOrPartition, {}, nullptr};
  CatalogOutcome outcome = CheckGrowth(broker, *topic, asked);
  if (!outcome.ok() || validate_only) return outcome;
  return broker.catalog.Grow(topic->id, asked.count);
}

kafka::CreatePartitionsResponse AnswerCreatePartitions(
    Broker& broker, int16_t, const kafka::CreatePartitionsRequest& request) {
  std::map<TopicName, int> times;
  for (const CreatePartitionsTopic& asked : request.topics) ++times[asked.name];
  kafka::CreatePartitionsResponse response;
  for (const CreatePartitionsTopic& asked : request.topics) {
    const int count = std::exchange(times[asked.name], 0);
    if (count == 0) continue;  // Answered already, once for all of its entries.
    CreatePartitionsTopicResult& result = response.results.emplace_back();
    result.name = asked.name;
    CatalogOutcome outcome{ErrorCode::kInvalidRequest,
                           "The request contains multiple entries for this topic.", nullptr};
    if (count == 1) outcome = GrowOne(broker, asked, request.validate_only);
    result.error_code = outcome.error;
    if (!outcome.message.empty()) result.error_message = std::move(outcome.message);
  }
  return response;
}

}  // namespace

void HandleCreatePartitions(ExchangePtr exchange, kafka::CreatePartitionsRequest request) {
  RunBlocking(std::move(exchange), std::move(request), &AnswerCreatePartitions);
}

}  // namespace atl::broker
