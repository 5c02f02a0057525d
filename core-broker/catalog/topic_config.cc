#include "core-broker/catalog/topic_config.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

namespace atl::broker {
namespace {

// Kafka 4.0's topic keys, by name, with its types, bounds and defaults.
constexpr std::array kKeys = std::to_array<ConfigKey>({
    {.name = "atoll.durability",
     .type = ConfigType::kString,
     .default_value = "fsync",
     .documentation = "fsync: a record is on the disk before it is acknowledged or mirrored. os: "
                      "the operating system writes it back later, as in Apache Kafka.",
     .values = "fsync|os",
     .copied = false},
    {.name = "cleanup.policy",
     .type = ConfigType::kList,
     .default_value = "delete",
     .documentation = "delete: old segments go by time and size. compact: no record is compacted "
                      "away yet; a compacted topic keeps every record.",
     .values = "compact|delete"},
    {.name = "compression.type",
     .type = ConfigType::kString,
     .default_value = "producer",
     .documentation = "Batches are kept as their producers compressed them, whatever stands here.",
     .values = "uncompressed|zstd|lz4|snappy|gzip|producer"},
    {.name = "delete.retention.ms",
     .type = ConfigType::kLong,
     .default_value = "86400000",
     .documentation = "How long delete markers of compacted topics are kept.",
     .least = 0},
    {.name = "file.delete.delay.ms",
     .type = ConfigType::kLong,
     .default_value = "60000",
     .documentation = "Kept for Kafka's tools; files are deleted at once.",
     .least = 0},
    {.name = "flush.messages",
     .type = ConfigType::kLong,
     .default_value = "9223372036854775807",
     .documentation = "Kept for Kafka's tools; see atoll.durability.",
     .least = 1},
    {.name = "flush.ms",
     .type = ConfigType::kLong,
     .default_value = "9223372036854775807",
     .documentation = "Kept for Kafka's tools; see atoll.durability.",
     .least = 0},
    {.name = "follower.replication.throttled.replicas",
     .type = ConfigType::kList,
     .default_value = "",
     .documentation = "Kept for Kafka's tools; there is no replication inside a region.",
     .copied = false},
    {.name = "index.interval.bytes",
     .type = ConfigType::kInt,
     .default_value = "4096",
     .documentation = "A segment's indexes get an entry for about every so many bytes.",
     .least = 0,
     .most = INT32_MAX},
    {.name = "leader.replication.throttled.replicas",
     .type = ConfigType::kList,
     .default_value = "",
     .documentation = "Kept for Kafka's tools; there is no replication inside a region.",
     .copied = false},
    {.name = "max.compaction.lag.ms",
     .type = ConfigType::kLong,
     .default_value = "9223372036854775807",
     .documentation = "The longest that a record may stay uncompacted.",
     .least = 1},
    {.name = "max.message.bytes",
     .type = ConfigType::kInt,
     .default_value = "1048588",
     .documentation = "The largest batch that is accepted, as the producer compressed it.",
     .least = 0,
     .most = INT32_MAX},
    {.name = "message.timestamp.after.max.ms",
     .type = ConfigType::kLong,
     .default_value = "3600000",
     .documentation = "How far a record's timestamp may be ahead of this region's clock.",
     .least = 0},
    {.name = "message.timestamp.before.max.ms",
     .type = ConfigType::kLong,
     .default_value = "9223372036854775807",
     .documentation = "How far a record's timestamp may be behind this region's clock.",
     .least = 0},
    {.name = "message.timestamp.type",
     .type = ConfigType::kString,
     .default_value = "CreateTime",
     .documentation = "Whose time a record bears: its producer's or that of the append.",
     .values = "CreateTime|LogAppendTime"},
    {.name = "min.cleanable.dirty.ratio",
     .type = ConfigType::kDouble,
     .default_value = "0.5",
     .documentation = "How much of a log must be uncompacted before it is compacted.",
     .least = 0,
     .most = 1},
    {.name = "min.compaction.lag.ms",
     .type = ConfigType::kLong,
     .default_value = "0",
     .documentation = "The shortest that a record stays uncompacted.",
     .least = 0},
    {.name = "min.insync.replicas",
     .type = ConfigType::kInt,
     .default_value = "1",
     .documentation = "Kept for Kafka's tools; a region has one copy, its mirrors are others.",
     .least = 1,
     .most = INT32_MAX,
     .copied = false},
    {.name = "preallocate",
     .type = ConfigType::kBoolean,
     .default_value = "false",
     .documentation = "Kept for Kafka's tools; files grow as they are written."},
    {.name = "retention.bytes",
     .type = ConfigType::kLong,
     .default_value = "-1",
     .documentation = "The size above which a partition's oldest segments are deleted; -1: none.",
     .least = -1},
    {.name = "retention.ms",
     .type = ConfigType::kLong,
     .default_value = "604800000",
     .documentation = "The age above which a partition's segments are deleted; -1: none.",
     .least = -1},
    {.name = "segment.bytes",
     .type = ConfigType::kInt,
     .default_value = "1073741824",
     .documentation = "The size at which a new segment is begun.",
     .least = 14,
     .most = INT32_MAX},
    {.name = "segment.index.bytes",
     .type = ConfigType::kInt,
     .default_value = "10485760",
     .documentation = "Kept for Kafka's tools; indexes are as large as they must be.",
     .least = 4,
     .most = INT32_MAX},
    {.name = "segment.jitter.ms",
     .type = ConfigType::kLong,
     .default_value = "0",
     .documentation = "Kept for Kafka's tools; segments are not begun at the same time.",
     .least = 0},
    {.name = "segment.ms",
     .type = ConfigType::kLong,
     .default_value = "604800000",
     .documentation = "The age, by the records' own time, at which a new segment is begun.",
     .least = 1},
    {.name = "unclean.leader.election.enable",
     .type = ConfigType::kBoolean,
     .default_value = "false",
     .documentation = "Kept for Kafka's tools; there is no election inside a region.",
     .copied = false},
});

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t at = text.find(separator);
    std::string_view part = text.substr(0, at);
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    parts.push_back(part);
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::optional<int64_t> ParseNumber(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return number;
}

std::optional<double> ParseFraction(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return number;
}

Status CheckNumber(const ConfigKey& key, std::string_view value) {
  const std::optional<int64_t> number = ParseNumber(value);
  if (!number) return InvalidArgument("{}: '{}' is not a number", key.name, value);
  if (*number >= key.least && *number <= key.most) return OkStatus();
  return InvalidArgument("{}: {} is not between {} and {}", key.name, *number, key.least, key.most);
}

Status CheckFraction(const ConfigKey& key, std::string_view value) {
  const std::optional<double> number = ParseFraction(value);
  const auto least = static_cast<double>(key.least);
  const auto most = static_cast<double>(key.most);
  if (number && *number >= least && *number <= most) return OkStatus();
  return InvalidArgument("{}: '{}' is not a number between {} and {}", key.name, value, least,
                         most);
}

Status CheckOneOf(const ConfigKey& key, std::string_view value) {
  if (key.values.empty()) return OkStatus();
  const std::vector<std::string_view> allowed = Split(key.values, '|');
  if (std::ranges::find(allowed, value) != allowed.end()) return OkStatus();
  return InvalidArgument("{}: '{}' is none of {}", key.name, value, key.values);
}

std::optional<Duration> ToDuration(std::optional<int64_t> ms) {
  if (!ms || *ms < 0) return {};
  constexpr int64_t kMost = std::chrono::floor<std::chrono::milliseconds>(Duration::max()).count();
  return std::chrono::milliseconds(std::min(*ms, kMost));
}

}  // namespace

std::span<const ConfigKey> TopicConfigKeys() { return kKeys; }

const ConfigKey* FindTopicConfigKey(std::string_view name) {
  const auto found = std::ranges::find(kKeys, name, &ConfigKey::name);
  return found == kKeys.end() ? nullptr : &*found;
}

Status CheckTopicConfig(std::string_view name, std::string_view value) {
  const ConfigKey* key = FindTopicConfigKey(name);
  if (key == nullptr) return OkStatus();
  switch (key->type) {
    case ConfigType::kBoolean:
      if (value == "true" || value == "false") return OkStatus();
      return InvalidArgument("{}: '{}' is neither true nor false", name, value);
    case ConfigType::kShort:
    case ConfigType::kInt:
    case ConfigType::kLong:
      return CheckNumber(*key, value);
    case ConfigType::kDouble:
      return CheckFraction(*key, value);
    case ConfigType::kList:
      for (const std::string_view part : Split(value, ',')) RETURN_IF_ERROR(CheckOneOf(*key, part));
      return OkStatus();
    case ConfigType::kString:
      return CheckOneOf(*key, value);
    case ConfigType::kUnknown:
    case ConfigType::kClass:
    case ConfigType::kPassword:
      break;
  }
  return OkStatus();
}

std::string TopicConfig::Get(std::string_view name) const {
  const std::string key_name(name);
  for (const auto* values : {&overrides_, &region_defaults_}) {
    if (const auto found = values->find(key_name); found != values->end()) return found->second;
  }
  const ConfigKey* key = FindTopicConfigKey(name);
  return key == nullptr ? std::string() : std::string(key->default_value);
}

// The value, or Kafka's default where a stored one no longer passes the table.
int64_t TopicConfig::Number(std::string_view name) const {
  const std::string value = Get(name);
  const bool good = CheckTopicConfig(name, value).ok();
  return *ParseNumber(good ? std::string_view(value) : FindTopicConfigKey(name)->default_value);
}

PartitionConfig TopicConfig::ToPartitionConfig() const {
  PartitionConfig config;
  config.log.segment_bytes = ByteCount(Number("segment.bytes"));
  config.log.segment_age = *ToDuration(Number("segment.ms"));
  config.log.index_interval = ByteCount(Number("index.interval.bytes"));
  config.log.retention_time = ToDuration(Number("retention.ms"));
  const int64_t bytes = Number("retention.bytes");
  if (bytes >= 0) config.log.retention_bytes = ByteCount(bytes);
  const std::string policy = Get("cleanup.policy");
  const std::vector<std::string_view> policies = Split(policy, ',');
  if (std::ranges::find(policies, "delete") == policies.end()) {
    config.log.retention_time.reset();
    config.log.retention_bytes.reset();
  }
  config.durability = Get("atoll.durability") == "os" ? Durability::kOs : Durability::kFsync;
  config.timestamp_type = Get("message.timestamp.type") == "LogAppendTime"
                              ? kafka::TimestampType::kLogAppendTime
                              : kafka::TimestampType::kCreateTime;
  return config;
}

kafka::ProduceRules TopicConfig::ToProduceRules(int16_t api_version, Timestamp now) const {
  kafka::ProduceRules rules;
  rules.api_version = api_version;
  rules.now = now;
  rules.max_message_bytes = ByteCount(Number("max.message.bytes"));
  rules.needs_keys = compacted();
  const bool log_append = Get("message.timestamp.type") == "LogAppendTime";
  rules.timestamp_type =
      log_append ? kafka::TimestampType::kLogAppendTime : kafka::TimestampType::kCreateTime;
  const int64_t before = Number("message.timestamp.before.max.ms");
  const int64_t after = Number("message.timestamp.after.max.ms");
  if (before != INT64_MAX) rules.before_max_ms = before;
  if (after != INT64_MAX) rules.after_max_ms = after;
  return rules;
}

bool TopicConfig::compacted() const {
  const std::string policy = Get("cleanup.policy");
  const std::vector<std::string_view> policies = Split(policy, ',');
  return std::ranges::find(policies, "compact") != policies.end();
}

}  // namespace atl::broker
