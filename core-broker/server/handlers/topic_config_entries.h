// A topic's effective configuration as clients are shown it, each entry with where its value comes
// from: the topic's own override, the region's YAML, or Kafka's default. Pure.
#pragma once

#include <string>
#include <vector>

#include "core-broker/catalog/topic_config.h"
#include "kafka/wire/schema/config.h"

namespace atl::broker {

struct TopicConfigEntry {
  std::string name = {};
  std::string value = {};
  kafka::ConfigSource source = kafka::ConfigSource::kDefaultConfig;
  const ConfigKey* key = nullptr;  // Null: a key that only its author knows.
};

// Every known key and every override, by name.
std::vector<TopicConfigEntry> TopicConfigEntries(const TopicConfig& config);

// Where the value would come from next if the more specific ones were removed, most specific first
// (DescribeConfigs' synonyms).
std::vector<kafka::DescribeConfigsSynonym> Synonyms(const TopicConfig& config,
                                                    const TopicConfigEntry& entry);

}  // namespace atl::broker
