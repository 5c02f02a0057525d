#include "core-broker/server/handlers/alter_configs.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "core-broker/server/handlers/blocking.h"

namespace atl::broker {
namespace {

using kafka::AlterConfigOp;
using kafka::AlterConfigsResourceResponse;
using kafka::ConfigResourceType;
using kafka::ErrorCode;
using kafka::IncrementalAlterableConfig;

using Overrides = std::map<std::string, std::string>;

CatalogOutcome Refused(ErrorCode error, std::string message) {
  return {.error = error, .message = std::move(message), .topic = nullptr};
}

std::vector<std::string> SplitList(const std::string& text) {
  std::vector<std::string> items;
  size_t begin = 0;
  while (begin <= text.size()) {
    const size_t comma = std::min(text.find(',', begin), text.size());
    const size_t first = text.find_first_not_of(' ', begin);
    const size_t last = text.find_last_not_of(' ', comma == 0 ? 0 : comma - 1);
    if (first < comma && last >= first) items.push_back(text.substr(first, last - first + 1));
    begin = comma + 1;
  }
  return items;
}

std::string JoinList(const std::vector<std::string>& items) {
  std::string text;
  for (const std::string& item : items) {
    if (!text.empty()) text += ',';
    text += item;
  }
  return text;
}

CatalogOutcome ChangeList(const TopicConfig& config, const IncrementalAlterableConfig& change,
                          Overrides& overrides) {
  const ConfigKey* key = FindTopicConfigKey(change.name);
  if (key == nullptr || key->type != ConfigType::kList) {
    return Refused(ErrorCode::kInvalidConfig,
                   fmt::format("{} is not a list: it can be set or deleted", change.name));
  }
  const auto overridden = overrides.find(change.name);
  std::vector<std::string> items =
      SplitList(overridden != overrides.end() ? overridden->second : config.Get(change.name));
  for (const std::string& item : SplitList(*change.value)) {
    if (change.config_operation == AlterConfigOp::kSubtract) {
      std::erase(items, item);
    } else if (std::find(items.begin(), items.end(), item) == items.end()) {
      items.push_back(item);
    }
  }
  overrides[change.name] = JoinList(items);
  return {};
}

CatalogOutcome ApplyChange(const TopicConfig& config, const IncrementalAlterableConfig& change,
                           Overrides& overrides) {
  if (change.config_operation == AlterConfigOp::kDelete) {
    overrides.erase(change.name);
    return {};
  }
  if (!change.value.has_value()) {
    return Refused(ErrorCode::kInvalidRequest,
                   fmt::format("Null value not supported for {}", change.name));
  }
  switch (change.config_operation) {
    case AlterConfigOp::kSet:
      overrides[change.name] = *change.value;
      return {};
    case AlterConfigOp::kAppend:
    case AlterConfigOp::kSubtract:
      return ChangeList(config, change, overrides);
    default:
      return Refused(ErrorCode::kInvalidRequest,
                     fmt::format("unknown operation {} on {}",
                                 static_cast<int>(change.config_operation), change.name));
  }
}

CatalogOutcome ApplyChanges(const TopicConfig& config,
                            const std::vector<IncrementalAlterableConfig>& changes,
                            Overrides& overrides) {
  std::set<std::string_view> seen;
  for (const IncrementalAlterableConfig& change : changes) {
    if (!seen.insert(change.name).second) {
      return Refused(ErrorCode::kInvalidRequest,
                     fmt::format("{} is named more than once", change.name));
    }
    CatalogOutcome outcome = ApplyChange(config, change, overrides);
    if (!outcome.ok()) return outcome;
  }
  return {};
}

enum class Base { kCurrent, kDefaults };  // What the changes are applied to.

CatalogOutcome AlterTopic(Broker& broker, const std::string& name, Base base,
                          const std::vector<IncrementalAlterableConfig>& changes,
                          bool validate_only) {
  const auto topic = broker.catalog.view()->Find(TopicName(name));
  if (topic == nullptr) {
    return Refused(ErrorCode::kUnknownTopicOrPartition,
                   fmt::format("The topic '{}' does not exist.", name));
  }
  GateAnswer gate = broker.gate.AdmitClient(topic->id);
  if (gate.error != ErrorCode::kNone) return Refused(gate.error, std::move(gate.message));

  Overrides overrides;
  if (base == Base::kCurrent) overrides = topic->config.overrides();
  CatalogOutcome outcome = ApplyChanges(topic->config, changes, overrides);
  if (!outcome.ok()) return outcome;
  for (const auto& [key, value] : overrides) {
    const Status checked = CheckTopicConfig(key, value);
    if (!checked.ok()) {
      return Refused(ErrorCode::kInvalidConfig, std::string(StatusMessage(checked)));
    }
  }
  if (validate_only) return {};
  return broker.catalog.SetConfig(topic->id, overrides);
}

AlterConfigsResourceResponse AlterResource(Broker& broker, ConfigResourceType type,
                                           const std::string& name, Base base,
                                           const std::vector<IncrementalAlterableConfig>& changes,
                                           bool validate_only) {
  CatalogOutcome outcome =
      type == ConfigResourceType::kTopic
          ? AlterTopic(broker, name, base, changes, validate_only)
          : Refused(ErrorCode::kInvalidRequest,
                    "only topics can be altered; a broker's configuration is its region's YAML");
  AlterConfigsResourceResponse response;
  response.error_code = outcome.error;
  if (!outcome.message.empty()) response.error_message = std::move(outcome.message);
  response.resource_type = type;
  response.resource_name = name;
  return response;
}

kafka::IncrementalAlterConfigsResponse AnswerIncremental(
    Broker& broker, int16_t, const kafka::IncrementalAlterConfigsRequest& request) {
  kafka::IncrementalAlterConfigsResponse response;
  for (const kafka::IncrementalAlterConfigsResource& resource : request.resources) {
    response.responses.push_back(AlterResource(broker, resource.resource_type,
                                               resource.resource_name, Base::kCurrent,
                                               resource.configs, request.validate_only));
  }
  return response;
}

kafka::AlterConfigsResponse AnswerReplace(Broker& broker, int16_t,
                                          const kafka::AlterConfigsRequest& request) {
  kafka::AlterConfigsResponse response;
  for (const kafka::AlterConfigsResource& resource : request.resources) {
    std::vector<IncrementalAlterableConfig> changes;
    for (const kafka::AlterableConfig& config : resource.configs) {
      changes.push_back(
          {.name = config.name, .config_operation = AlterConfigOp::kSet, .value = config.value});
    }
    response.responses.push_back(AlterResource(broker, resource.resource_type,
                                               resource.resource_name, Base::kDefaults, changes,
                                               request.validate_only));
  }
  return response;
}

}  // namespace

void HandleIncrementalAlterConfigs(ExchangePtr exchange,
                                   kafka::IncrementalAlterConfigsRequest request) {
  RunBlocking(std::move(exchange), std::move(request), &AnswerIncremental);
}

void HandleAlterConfigs(ExchangePtr exchange, kafka::AlterConfigsRequest request) {
  RunBlocking(std::move(exchange), std::move(request), &AnswerReplace);
}

}  // namespace atl::broker
