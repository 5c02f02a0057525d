#include "core-broker/server/handlers/metadata.h"

#include <algorithm>
#include <utility>

#include "core-broker/server/handlers/blocking.h"
#include "core-broker/server/handlers/lookup.h"

namespace atl::broker {
namespace {

using kafka::ErrorCode;
using kafka::MetadataRequestTopic;
using kafka::MetadataResponseTopic;

bool AsksForAll(const kafka::MetadataRequest& request, int16_t version) {
  return !request.topics.has_value() || (version == 0 && request.topics->empty());
}

bool ByName(const MetadataRequestTopic& asked) {
  return asked.topic_id.is_zero() && asked.name.has_value();
}

bool MayCreate(const Broker& broker, const kafka::MetadataRequest& request) {
  return broker.config.auto_create && request.allow_auto_topic_creation;
}

bool CreatesSomething(const Broker& broker, int16_t version,
                      const kafka::MetadataRequest& request) {
  if (!MayCreate(broker, request) || AsksForAll(request, version)) return false;
  const auto view = broker.catalog.view();
  return std::any_of(request.topics->begin(), request.topics->end(), [&](const auto& asked) {
    return ByName(asked) && CheckTopicName(asked.name->value()).empty() &&
           view->Find(*asked.name) == nullptr;
  });
}

MetadataResponseTopic DescribeTopic(const Broker& broker, const Topic& topic, bool operations) {
  MetadataResponseTopic answer;
  answer.name = topic.name;
  answer.topic_id = topic.id;
  if (operations) answer.topic_authorized_operations = kTopicOperations;
  answer.partitions.reserve(topic.partitions.size());
  for (size_t i = 0; i < topic.partitions.size(); ++i) {
    kafka::MetadataResponsePartition& partition = answer.partitions.emplace_back();
    partition.partition_index = PartitionId(static_cast<int32_t>(i));
    // An offline partition keeps its leader: it is still read here, and a leader of -1 makes some
    // clients give up. Writes to it get a retriable error of their own.
    partition.leader_id = broker.config.node_id;
    partition.leader_epoch = CurrentEpoch(topic, *topic.partitions[i]);
    partition.replica_nodes = {broker.config.node_id};
    partition.isr_nodes = {broker.config.node_id};
  }
  return answer;
}

// Creates a topic that somebody only asked about; null when it can't be, with the reason in
// `error`.
std::shared_ptr<const Topic> AutoCreate(Broker& broker, const TopicName& name, ErrorCode& error) {
  const GateAnswer answer = broker.gate.AdmitCreate(name);
  if (answer.error != ErrorCode::kNone) {
    // Metadata has no message, and clients retry what they can't tell apart: it is not here yet.
    error = ErrorCode::kUnknownTopicOrPartition;
    return nullptr;
  }
  TopicSpec spec;
  spec.name = name;
  spec.partition_count = broker.config.default_partitions;
  CatalogOutcome outcome = broker.catalog.Create(spec);
  // Another client was faster.
  if (outcome.error == ErrorCode::kTopicAlreadyExists) return broker.catalog.view()->Find(name);
  error = outcome.error;
  return outcome.topic;
}

MetadataResponseTopic AnswerByName(Broker& broker, const CatalogView& view, const TopicName& name,
                                   const kafka::MetadataRequest& request) {
  ErrorCode error = ErrorCode::kUnknownTopicOrPartition;
  std::shared_ptr<const Topic> topic = view.Find(name);
  if (topic == nullptr && !CheckTopicName(name.value()).empty()) {
    error = ErrorCode::kInvalidTopicException;
  } else if (topic == nullptr && MayCreate(broker, request)) {
    topic = AutoCreate(broker, name, error);
  }
  if (topic != nullptr) {
    return DescribeTopic(broker, *topic, request.include_topic_authorized_operations);
  }
  MetadataResponseTopic missing;
  missing.error_code = error;
  missing.name = name;
  return missing;
}

MetadataResponseTopic AnswerTopic(Broker& broker, const CatalogView& view,
                                  const MetadataRequestTopic& asked,
                                  const kafka::MetadataRequest& request) {
  if (ByName(asked)) return AnswerByName(broker, view, *asked.name, request);
  MetadataResponseTopic missing;
  missing.topic_id = asked.topic_id;
  missing.error_code =
      asked.topic_id.is_zero() ? ErrorCode::kInvalidRequest : ErrorCode::kUnknownTopicId;
  const auto topic = view.Find(asked.topic_id);
  if (topic == nullptr || topic->frozen) return missing;
  return DescribeTopic(broker, *topic, request.include_topic_authorized_operations);
}

kafka::MetadataResponse AnswerMetadata(Broker& broker, int16_t version,
                                       const kafka::MetadataRequest& request) {
  const BrokerConfig& config = broker.config;
  kafka::MetadataResponse response;
  response.cluster_id = config.cluster_id.ToString();
  response.controller_id = config.node_id;
  response.brokers.push_back({.node_id = config.node_id,
                              .host = config.advertised_host,
                              .port = config.advertised_port,
                              .rack = config.region.value()});
  if (request.include_cluster_authorized_operations) {
    response.cluster_authorized_operations = kClusterOperations;
  }
  const auto view = broker.catalog.view();
  if (AsksForAll(request, version)) {
    for (const auto& [name, topic] : view->by_name) {
      response.topics.push_back(
          DescribeTopic(broker, *topic, request.include_topic_authorized_operations));
    }
    return response;
  }
  for (const MetadataRequestTopic& asked : *request.topics) {
    response.topics.push_back(AnswerTopic(broker, *view, asked, request));
  }
  return response;
}

}  // namespace

void HandleMetadata(ExchangePtr exchange, kafka::MetadataRequest request) {
  if (CreatesSomething(exchange->broker(), exchange->version(), request)) {
    return RunBlocking(std::move(exchange), std::move(request), &AnswerMetadata);
  }
  exchange->Reply(AnswerMetadata(exchange->broker(), exchange->version(), request));
}

}  // namespace atl::broker
