#include "core-broker/server/topic_routes.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <utility>

#include "core-broker/admin/json_body.h"
#include "core-broker/server/handlers/lookup.h"

namespace atl::broker {
namespace {

namespace json = boost::json;
using kafka::ErrorCode;

json::value OrNull(const std::string& text) {
  if (text.empty()) return nullptr;
  return json::string(text);
}

HttpReply JsonReply(const json::object& body, int status = 200) {
  return {.status = status, .body = json::serialize(body)};
}

json::object Summary(const Topic& topic) {
  int64_t bytes = 0;
  for (const auto& partition : topic.partitions) bytes += partition->size_bytes().value();
  json::object summary;
  summary["name"] = topic.name.value();
  summary["topicId"] = topic.id.ToString();
  summary["partitionCount"] = topic.partitions.size();
  summary["epoch"] = topic.epoch.value();
  summary["owner"] = topic.owner.value();
  summary["link"] = OrNull(topic.link.value());
  summary["frozen"] = topic.frozen;
  summary["sizeBytes"] = bytes;
  return summary;
}

json::object DescribePartition(const Topic& topic, const Partition& partition) {
  const PartitionOffsets offsets = partition.offsets();
  json::object described;
  described["partition"] = partition.identity().partition.value();
  described["logStart"] = offsets.log_start.value();
  described["lastStable"] = offsets.last_stable.value();
  described["highWatermark"] = offsets.high_watermark.value();
  described["durableEnd"] = offsets.durable_end.value();
  described["logEnd"] = offsets.log_end.value();
  described["sizeBytes"] = partition.size_bytes().value();
  described["leaderEpoch"] = CurrentEpoch(topic, partition).value();
  described["offline"] = OrNull(partition.offline_reason());
  return described;
}

json::object Describe(const Topic& topic) {
  json::object described = Summary(topic);
  json::object config;
  for (const auto& [name, value] : topic.config.overrides()) config[name] = value;
  described["config"] = std::move(config);
  json::array partitions;
  for (const auto& partition : topic.partitions) {
    partitions.push_back(DescribePartition(topic, *partition));
  }
  described["partitions"] = std::move(partitions);
  return described;
}

HttpReply UnknownTopic(const std::string& name) {
  return ErrorReply(404, fmt::format("there is no topic \"{}\" in this region", name),
                    "`atoll topic list` names those there are");
}

// The API's status for what a Kafka client would be told.
HttpReply Refused(const CatalogOutcome& outcome) {
  std::string message = outcome.message;
  if (message.empty()) message = ErrorName(outcome.error);
  switch (outcome.error) {
    case ErrorCode::kTopicAlreadyExists:
      return ErrorReply(409, message, "`atoll topic describe` shows it");
    case ErrorCode::kUnknownTopicOrPartition:
    case ErrorCode::kUnknownTopicId:
      return ErrorReply(404, message);
    case ErrorCode::kPolicyViolation:
      return ErrorReply(403, message);
    case ErrorCode::kKafkaStorageError:
    case ErrorCode::kUnknownServerError:
      return ErrorReply(500, message, "the region's log says more");
    default:
      return ErrorReply(400, message);
  }
}

HttpReply ListTopics(const Broker& broker) {
  const auto view = broker.catalog.view();
  json::array topics;
  for (const auto& [name, topic] : view->by_name) topics.push_back(Summary(*topic));
  std::map<TopicId, const Topic*> frozen;
  for (const auto& [id, topic] : view->by_id) {
    if (topic->frozen) frozen[id] = topic.get();
  }
  for (const auto& [id, topic] : frozen) topics.push_back(Summary(*topic));
  json::object body;
  body["topics"] = std::move(topics);
  return JsonReply(body);
}

StatusOr<std::map<std::string, std::string>> ConfigOf(const json::object& body) {
  std::map<std::string, std::string> config;
  const json::value* value = body.if_contains("config");
  if (value == nullptr) return config;
  if (!value->is_object()) return InvalidArgument("\"config\" is not an object of texts");
  for (const auto& member : value->get_object()) {
    const std::string name(member.key().data(), member.key().size());
    if (!member.value().is_string()) return InvalidArgument("config {} is not a text", name);
    config[name] = std::string(member.value().get_string().c_str());
  }
  return config;
}

StatusOr<TopicSpec> ReadSpec(const Broker& broker, const std::string& text) {
  ASSIGN_OR_RETURN(const json::object body, ParseJsonObject(text));
  ASSIGN_OR_RETURN(const std::string name, TextMember(body, "name", ""));
  ASSIGN_OR_RETURN(const int64_t partitions,
                   IntegerMember(body, "partitions", broker.config.default_partitions));
  if (name.empty()) return InvalidArgument("\"name\" is missing");
  if (partitions < 1 || partitions > broker.config.max_partitions_per_topic) {
    return InvalidArgument("\"partitions\" is {}; a topic has 1 to {}", partitions,
                           broker.config.max_partitions_per_topic);
  }
  TopicSpec spec;
  spec.name = TopicName(name);
  spec.partition_count = static_cast<int32_t>(partitions);
  ASSIGN_OR_RETURN(spec.config, ConfigOf(body));
  return spec;
}

// What can be told without doing it.
HttpReply PlanCreation(const Broker& broker, const TopicSpec& spec) {
  if (broker.catalog.view()->Find(spec.name) != nullptr) {
    return ErrorReply(409, fmt::format("the topic \"{}\" exists already", spec.name.value()),
                      "`atoll topic describe` shows it");
  }
  json::object body;
  body["dryRun"] = true;
  body["name"] = spec.name.value();
  body["partitionCount"] = spec.partition_count;
  return JsonReply(body);
}

HttpReply CreateTopic(Broker& broker, const HttpCall& call) {
  const StatusOr<TopicSpec> spec = ReadSpec(broker, call.body);
  if (!spec.ok()) {
    return ErrorReply(400, StatusMessage(spec.status()),
                      R"({"name":"orders","partitions":4,"config":{"retention.ms":"3600000"}})");
  }
  if (IsDryRun(call)) return PlanCreation(broker, *spec);
  const CatalogOutcome outcome = broker.catalog.Create(*spec);
  if (!outcome.ok()) return Refused(outcome);
  return JsonReply(Describe(*outcome.topic), 201);
}

HttpReply DescribeTopic(const Broker& broker, const HttpCall& call) {
  const std::string& name = call.params.at("topic");
  const auto topic = broker.catalog.view()->Find(TopicName(name));
  if (topic == nullptr) return UnknownTopic(name);
  return JsonReply(Describe(*topic));
}

HttpReply DeleteTopic(Broker& broker, const HttpCall& call) {
  const std::string& name = call.params.at("topic");
  const auto topic = broker.catalog.view()->Find(TopicName(name));
  if (topic == nullptr) return UnknownTopic(name);
  json::object body;
  if (IsDryRun(call)) {
    body["dryRun"] = true;
  } else {
    const CatalogOutcome outcome = broker.catalog.Delete(topic->id);
    if (!outcome.ok()) return Refused(outcome);
  }
  body["deleted"] = name;
  return JsonReply(body);
}

struct OfflinePartition {
  std::string topic;
  int32_t partition;
  std::string reason;
};
std::vector<OfflinePartition> OfflinePartitions(const CatalogView& view) {
  std::vector<OfflinePartition> offline;
  for (const auto& [name, topic] : view.by_name) {
    for (const auto& partition : topic->partitions) {
      std::string reason = partition->offline_reason();
      if (reason.empty()) continue;
      offline.push_back({name.value(), partition->identity().partition.value(), std::move(reason)});
    }
  }
  return offline;
}

json::object DescribeRegion(const Broker& broker, const StatusFacts& facts) {
  const auto view = broker.catalog.view();
  size_t partitions = 0;
  for (const auto& [name, topic] : view->by_name) partitions += topic->partitions.size();
  json::array offline;
  for (const OfflinePartition& one : OfflinePartitions(*view)) {
    json::object entry;
    entry["topic"] = one.topic;
    entry["partition"] = one.partition;
    entry["reason"] = one.reason;
    offline.push_back(std::move(entry));
  }
  json::object body;
  body["region"] = broker.config.region.value();
  body["ordinal"] = facts.ordinal.value();
  body["clusterId"] = broker.config.cluster_id.ToString();
  body["version"] = facts.version;
  body["kafka"] = facts.kafka_address;
  body["admin"] = facts.admin_address;
  body["control"] = OrNull(facts.control_address);
  body["grafana"] = OrNull(facts.grafana);
  body["topics"] = view->by_name.size();
  body["partitions"] = partitions;
  body["offlinePartitions"] = std::move(offline);
  return body;
}

HttpReply DescribeStatus(const Broker& broker, const StatusFacts& facts) {
  json::object body = DescribeRegion(broker, facts);
  body["uptimeSeconds"] = ToSeconds(broker.clock.Now() - facts.started);
  return JsonReply(body);
}

StateRows TopicRows(const CatalogView& view) {
  StateRows rows;
  for (const auto& [id, topic] : view.by_id) {
    rows[topic->frozen ? id.ToString() : topic->name.value()] = json::serialize(Summary(*topic));
  }
  return rows;
}

}  // namespace

void RegisterTopicRoutes(Router& router, Broker& broker) {
  router.Add("GET", "/v1/topics", [&broker](const HttpCall&) { return ListTopics(broker); });
  router.Add("POST", "/v1/topics",
             [&broker](const HttpCall& call) { return CreateTopic(broker, call); });
  router.Add("GET", "/v1/topics/{topic}",
             [&broker](const HttpCall& call) { return DescribeTopic(broker, call); });
  router.Add("DELETE", "/v1/topics/{topic}",
             [&broker](const HttpCall& call) { return DeleteTopic(broker, call); });
}

void RegisterStatusRoute(Router& router, const Broker& broker, StatusFacts facts) {
  router.Add("GET", "/v1/status", [&broker, facts = std::move(facts)](const HttpCall&) {
    return DescribeStatus(broker, facts);
  });
}

void AddTopicSections(StateStream& stream, const Broker& broker, StatusFacts facts) {
  stream.AddSection("region", [&broker, facts = std::move(facts)] {
    return StateRows{
        {broker.config.region.value(), json::serialize(DescribeRegion(broker, facts))}};
  });
  stream.AddSection("topics", [&broker] { return TopicRows(*broker.catalog.view()); });
}

void AddPartitionCheck(Health& health, const Broker& broker) {
  health.AddCheck("partitions", [&broker] {
    const auto offline = OfflinePartitions(*broker.catalog.view());
    if (offline.empty()) return OkStatus();
    return Unavailable("{} offline, the first is {}-{}: {}", offline.size(), offline[0].topic,
                       offline[0].partition, offline[0].reason);
  });
}

}  // namespace atl::broker
