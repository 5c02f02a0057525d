#include "core-broker/server/handlers/describe_configs.h"

#include <algorithm>
#include <utility>

#include "core-broker/server/handlers/topic_config_entries.h"

namespace atl::broker {
namespace {

using kafka::ConfigResourceType;
using kafka::ConfigSource;
using kafka::DescribeConfigsResource;
using kafka::DescribeConfigsResourceResult;
using kafka::DescribeConfigsResult;
using kafka::ErrorCode;

bool IsAsked(const DescribeConfigsResource& resource, std::string_view name) {
  const auto& keys = resource.configuration_keys;
  return !keys.has_value() || std::find(keys->begin(), keys->end(), name) != keys->end();
}

void Refuse(DescribeConfigsResult& result, ErrorCode error, std::string message) {
  result.error_code = error;
  result.error_message = std::move(message);
}

void DescribeTopicConfigs(const Broker& broker, const kafka::DescribeConfigsRequest& request,
                          const DescribeConfigsResource& resource, DescribeConfigsResult& result) {
  const std::string wrong_name = CheckTopicName(resource.resource_name);
  if (!wrong_name.empty()) return Refuse(result, ErrorCode::kInvalidTopicException, wrong_name);
  const auto topic = broker.catalog.view()->Find(TopicName(resource.resource_name));
  if (topic == nullptr) {
    return Refuse(result, ErrorCode::kUnknownTopicOrPartition,
                  fmt::format("The topic '{}' does not exist.", resource.resource_name));
  }
  for (TopicConfigEntry& entry : TopicConfigEntries(topic->config)) {
    if (!IsAsked(resource, entry.name)) continue;
    DescribeConfigsResourceResult& config = result.configs.emplace_back();
    if (request.include_synonyms) config.synonyms = Synonyms(topic->config, entry);
    if (entry.key != nullptr) {
      config.config_type = entry.key->type;
      if (request.include_documentation) config.documentation = entry.key->documentation;
    }
    config.name = std::move(entry.name);
    config.value = std::move(entry.value);
    config.config_source = entry.source;
  }
}

// What a region can say in the words of a Kafka broker's configuration.
struct BrokerEntry {
  std::string name;
  std::string value;
  ConfigType type;
};
std::vector<BrokerEntry> BrokerEntries(const BrokerConfig& config) {
  const std::string node = std::to_string(config.node_id.value());
  return {
      {"advertised.listeners",
       fmt::format("PLAINTEXT://{}:{}", config.advertised_host, config.advertised_port),
       ConfigType::kString},
      {"auto.create.topics.enable", config.auto_create ? "true" : "false", ConfigType::kBoolean},
      {"broker.id", node, ConfigType::kInt},
      {"broker.rack", config.region.value(), ConfigType::kString},
      {"connections.max.idle.ms",
       std::to_string(
           std::chrono::duration_cast<std::chrono::milliseconds>(config.idle_timeout).count()),
       ConfigType::kLong},
      {"default.replication.factor", "1", ConfigType::kInt},
      {"fetch.max.bytes", std::to_string(config.max_fetch_bytes.value()), ConfigType::kInt},
      {"inter.broker.protocol.version", "3.0-IV1", ConfigType::kString},
      {"log.dirs", config.data_folder, ConfigType::kString},
      {"max.connections", std::to_string(config.max_connections), ConfigType::kInt},
      {"min.insync.replicas", "1", ConfigType::kInt},
      {"node.id", node, ConfigType::kInt},
      {"num.partitions", std::to_string(config.default_partitions), ConfigType::kInt},
      {"socket.request.max.bytes", std::to_string(config.max_request_bytes.value()),
       ConfigType::kInt},
  };
}

void DescribeBrokerConfigs(const Broker& broker, const kafka::DescribeConfigsRequest& request,
                           const DescribeConfigsResource& resource, DescribeConfigsResult& result) {
  // An empty name asks for the dynamic defaults of the whole cluster: there are none.
  if (resource.resource_name.empty()) return;
  const std::string node = std::to_string(broker.config.node_id.value());
  if (resource.resource_name != node) {
    return Refuse(result, ErrorCode::kInvalidRequest,
                  fmt::format("Unexpected broker id, expected {}, but received {}", node,
                              resource.resource_name));
  }
  for (BrokerEntry& entry : BrokerEntries(broker.config)) {
    if (!IsAsked(resource, entry.name)) continue;
    DescribeConfigsResourceResult& config = result.configs.emplace_back();
    if (request.include_synonyms) {
      config.synonyms.push_back({entry.name, entry.value, ConfigSource::kStaticBrokerConfig});
    }
    config.name = std::move(entry.name);
    config.value = std::move(entry.value);
    config.read_only = true;
    config.config_source = ConfigSource::kStaticBrokerConfig;
    config.config_type = entry.type;
  }
}

}  // namespace

void HandleDescribeConfigs(ExchangePtr exchange, kafka::DescribeConfigsRequest request) {
  const Broker& broker = exchange->broker();
  kafka::DescribeConfigsResponse response;
  for (const DescribeConfigsResource& resource : request.resources) {
    DescribeConfigsResult& result = response.results.emplace_back();
    result.resource_type = resource.resource_type;
    result.resource_name = resource.resource_name;
    if (resource.resource_type == ConfigResourceType::kTopic) {
      DescribeTopicConfigs(broker, request, resource, result);
    } else if (resource.resource_type == ConfigResourceType::kBroker) {
      DescribeBrokerConfigs(broker, request, resource, result);
    } else {
      Refuse(result, ErrorCode::kInvalidRequest,
             fmt::format("resources of type {} are not served",
                         static_cast<int>(resource.resource_type)));
    }
  }
  exchange->Reply(response);
}

}  // namespace atl::broker
