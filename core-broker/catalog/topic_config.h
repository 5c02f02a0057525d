// A topic's configuration by Kafka's names: overrides over the region's defaults, read through
// typed accessors. One table lists every known key with type, bounds, default and documentation;
// DescribeConfigs, CreateTopics, IncrementalAlterConfigs and the mirror's config sync all work from
// it. Keys of ours: atoll.durability = fsync | os. Until compaction comes a compacted topic keeps
// every record, and DescribeConfigs says so in the documentation of cleanup.policy.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/status.h"
#include "core-broker/partition/partition.h"
#include "kafka/record/batch_validate.h"
#include "kafka/wire/schema/common.h"

namespace atl::broker {

using kafka::ConfigType;

struct ConfigKey {
  std::string_view name;
  ConfigType type;
  std::string_view default_value;
  std::string_view documentation;
  int64_t least = INT64_MIN;
  int64_t most = INT64_MAX;
  std::string_view values = {};  // "a|b|c" for those with a fixed set.
  bool copied = true;            // The mirror copies it from the source.
};

std::span<const ConfigKey> TopicConfigKeys();
const ConfigKey* FindTopicConfigKey(std::string_view name);
// OK, or what is wrong with this value (known keys only; unknown ones are OK).
Status CheckTopicConfig(std::string_view name, std::string_view value);

class TopicConfig {
 public:
  TopicConfig() = default;
  TopicConfig(std::map<std::string, std::string> region_defaults,
              std::map<std::string, std::string> overrides)
      : region_defaults_(std::move(region_defaults)), overrides_(std::move(overrides)) {}

  // Override, else the region's default, else Kafka's.
  std::string Get(std::string_view name) const;
  const std::map<std::string, std::string>& overrides() const { return overrides_; }
  const std::map<std::string, std::string>& region_defaults() const { return region_defaults_; }
  TopicConfig With(std::map<std::string, std::string> overrides) const {
    return TopicConfig(region_defaults_, std::move(overrides));
  }

  PartitionConfig ToPartitionConfig() const;
  kafka::ProduceRules ToProduceRules(int16_t api_version, Timestamp now) const;
  bool compacted() const;

 private:
  int64_t Number(std::string_view name) const;

  std::map<std::string, std::string> region_defaults_;
  std::map<std::string, std::string> overrides_;
};

}  // namespace atl::broker
