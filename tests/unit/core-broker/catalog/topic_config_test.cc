#include "core-broker/catalog/topic_config.h"

#include <algorithm>

#include <catch2/catch.hpp>

namespace atl::broker {
namespace {

using Values = std::map<std::string, std::string>;

void Good(std::string_view name, std::string_view value) {
  INFO(name << "=" << value);
  REQUIRE(CheckTopicConfig(name, value).ok());
}
void Bad(std::string_view name, std::string_view value) {
  INFO(name << "=" << value);
  const Status status = CheckTopicConfig(name, value);
  REQUIRE_FALSE(status.ok());
  REQUIRE(StatusMessage(status).starts_with(name));
}

}  // namespace

TEST_CASE("The table of keys is sorted, and every default passes its own check", "[config]") {
  const std::span<const ConfigKey> keys = TopicConfigKeys();
  REQUIRE(std::ranges::is_sorted(keys, {}, &ConfigKey::name));
  for (const ConfigKey& key : keys) {
    REQUIRE_FALSE(key.documentation.empty());
    if (!key.default_value.empty()) Good(key.name, key.default_value);
  }
  REQUIRE(FindTopicConfigKey("retention.ms")->default_value == "604800000");
  REQUIRE(FindTopicConfigKey("no.such.key") == nullptr);
  REQUIRE_FALSE(FindTopicConfigKey("atoll.durability")->copied);
  REQUIRE(FindTopicConfigKey("cleanup.policy")->documentation.find("keeps every record") !=
          std::string_view::npos);
}

TEST_CASE("Values are checked by type and bounds, unknown keys pass", "[config]") {
  Good("retention.ms", "-1");
  Good("cleanup.policy", "compact,delete");
  Good("cleanup.policy", "compact, delete");
  Good("min.cleanable.dirty.ratio", "0.25");
  Good("unclean.leader.election.enable", "true");
  Good("compression.type", "zstd");
  Good("streams.something", "anything at all");
  Bad("retention.ms", "-2");
  Bad("retention.ms", "");
  Bad("retention.ms", "7d");
  Bad("retention.ms", "9223372036854775808");
  Bad("segment.bytes", "2147483648");
  Bad("segment.bytes", "0");
  Bad("cleanup.policy", "");
  Bad("cleanup.policy", "delete,shred");
  Bad("min.cleanable.dirty.ratio", "1.5");
  Bad("min.cleanable.dirty.ratio", "nan");
  Bad("preallocate", "yes");
  Bad("compression.type", "ZSTD");
  Bad("atoll.durability", "maybe");
}

TEST_CASE("An override comes before the region's default, and that before Kafka's", "[config]") {
  const TopicConfig config(Values{{"retention.ms", "1000"}, {"segment.bytes", "2000"}},
                           Values{{"retention.ms", "5000"}, {"x.y", "z"}});
  REQUIRE(config.Get("retention.ms") == "5000");
  REQUIRE(config.Get("segment.bytes") == "2000");
  REQUIRE(config.Get("max.message.bytes") == "1048588");
  REQUIRE(config.Get("x.y") == "z");
  REQUIRE(config.Get("nothing").empty());
  REQUIRE(config.With({}).Get("retention.ms") == "1000");
}

TEST_CASE("A topic's configuration becomes its partitions'", "[config]") {
  const PartitionConfig defaults = TopicConfig().ToPartitionConfig();
  REQUIRE(defaults.durability == Durability::kFsync);
  REQUIRE(defaults.log.segment_bytes == ByteCount(1 << 30));
  REQUIRE(defaults.log.retention_time == Duration(std::chrono::hours(24 * 7)));
  REQUIRE_FALSE(defaults.log.retention_bytes.has_value());
  const PartitionConfig config =
      TopicConfig({}, Values{{"atoll.durability", "os"},
                             {"retention.ms", "-1"},
                             {"retention.bytes", "500"},
                             {"segment.ms", "9223372036854775807"},
                             {"message.timestamp.type", "LogAppendTime"}})
          .ToPartitionConfig();
  REQUIRE(config.durability == Durability::kOs);
  REQUIRE_FALSE(config.log.retention_time.has_value());
  REQUIRE(config.log.retention_bytes == ByteCount(500));
  REQUIRE(config.log.segment_age > Duration(std::chrono::hours(24 * 365 * 100)));
  REQUIRE(config.timestamp_type == kafka::TimestampType::kLogAppendTime);
}

TEST_CASE("A compacted topic needs keys and keeps every record", "[config]") {
  const TopicConfig config({}, Values{{"cleanup.policy", "compact"}, {"retention.bytes", "5"}});
  REQUIRE(config.compacted());
  REQUIRE(config.ToProduceRules(9, Timestamp(1)).needs_keys);
  REQUIRE_FALSE(config.ToPartitionConfig().log.retention_time.has_value());
  REQUIRE_FALSE(config.ToPartitionConfig().log.retention_bytes.has_value());
  const TopicConfig both({}, Values{{"cleanup.policy", "compact,delete"}});
  REQUIRE(both.compacted());
  REQUIRE(both.ToPartitionConfig().log.retention_time.has_value());
}

TEST_CASE("The rules of produce follow the configuration", "[config]") {
  const kafka::ProduceRules rules = TopicConfig().ToProduceRules(7, Timestamp(42));
  REQUIRE(rules.api_version == 7);
  REQUIRE(rules.now == Timestamp(42));
  REQUIRE(rules.max_message_bytes == ByteCount(1048588));
  REQUIRE(rules.after_max_ms == 3'600'000);
  REQUIRE_FALSE(rules.before_max_ms.has_value());
  REQUIRE_FALSE(rules.needs_keys);
}

}  // namespace atl::broker
