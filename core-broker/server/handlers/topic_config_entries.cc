#include "core-broker/server/handlers/topic_config_entries.h"

#include <map>
#include <utility>

namespace atl::broker {

using kafka::ConfigSource;

std::vector<TopicConfigEntry> TopicConfigEntries(const TopicConfig& config) {
  std::map<std::string, TopicConfigEntry, std::less<>> by_name;
  for (const ConfigKey& key : TopicConfigKeys()) {
    const std::string name(key.name);
    const bool from_region = config.region_defaults().contains(name);
    by_name[name] = {
        .name = name,
        .value = config.Get(name),
        .source = from_region ? ConfigSource::kStaticBrokerConfig : ConfigSource::kDefaultConfig,
        .key = &key};
  }
  for (const auto& [name, value] : config.overrides()) {
    TopicConfigEntry& entry = by_name[name];
    entry.name = name;
    entry.value = value;
    entry.source = ConfigSource::kDynamicTopicConfig;
  }
  std::vector<TopicConfigEntry> entries;
  entries.reserve(by_name.size());
  for (auto& [name, entry] : by_name) entries.push_back(std::move(entry));
  return entries;
}

std::vector<kafka::DescribeConfigsSynonym> Synonyms(const TopicConfig& config,
                                                    const TopicConfigEntry& entry) {
  std::vector<kafka::DescribeConfigsSynonym> synonyms;
  const auto add = [&](const std::map<std::string, std::string>& values, ConfigSource source) {
    const auto found = values.find(entry.name);
    if (found != values.end()) synonyms.push_back({entry.name, found->second, source});
  };
  add(config.overrides(), ConfigSource::kDynamicTopicConfig);
  add(config.region_defaults(), ConfigSource::kStaticBrokerConfig);
  if (entry.key != nullptr) {
    synonyms.push_back(
        {entry.name, std::string(entry.key->default_value), ConfigSource::kDefaultConfig});
  }
  return synonyms;
}

}  // namespace atl::broker
