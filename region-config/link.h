// A document of kind Link: this region pulls topics from that source. Plain values, immutable once
// loaded; the defaults are the schema's (schema.h), so a Link made by hand in a test starts from
// DefaultLink().
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/types.h"
#include "region-config/region.h"

namespace atl::config {

enum class SourceKind { kAtoll, kKafka };

struct LinkSource {
  RegionName region;
  SourceKind kind = SourceKind::kAtoll;
  std::vector<Endpoint> bootstrap_servers;
  std::optional<Endpoint> control;  // None: polling over Kafka's protocol only.
  friend bool operator==(const LinkSource&, const LinkSource&) = default;
};

enum class RuleAction { kInclude, kExclude };
enum class TopicMatch { kLiteral, kPrefix, kGlob, kRegex };

// A glob without a wildcard is loaded as a literal. Patterns are checked at load.
struct TopicRule {
  RuleAction action = RuleAction::kInclude;
  TopicMatch match = TopicMatch::kGlob;
  std::string pattern;
  friend bool operator==(const TopicRule&, const TopicRule&) = default;
};

// Where a topic that this link meets for the first time begins.
struct StartFrom {
  enum class Kind { kEarliest, kLatest, kTimestamp };
  Kind kind = Kind::kEarliest;
  Timestamp timestamp = kNoTimestamp;  // Of kTimestamp.
  friend bool operator==(const StartFrom&, const StartFrom&) = default;
};

// Committed offsets of the source's consumer groups are placed here.
struct GroupSyncConfig {
  bool sync = false;
  std::vector<TopicRule> filter;  // Over names of groups; first match wins.
  Duration poll_interval{};       // Where there is no control connection.
  friend bool operator==(const GroupSyncConfig&, const GroupSyncConfig&) = default;
};

enum class OnGap { kStop, kSkip };
enum class Deletes { kKeep, kFollow };

struct Link {
  LinkName name;
  LinkSource source;
  std::vector<TopicRule> topics;  // First match wins; see topic_filter.h.
  StartFrom start_from;
  Duration rpo{};       // The objective for the age of what a failover would lose.
  bool paused = false;  // As written; an operator's pause is in checkpoint/.
  OnGap on_gap = OnGap::kStop;
  Deletes deletes = Deletes::kKeep;
  bool sync_topic_configs = false;  // Effective topic configurations are copied.
  std::string naming_prefix;        // Before the source's name; empty: the same name here.
  TopicName target_topic;           // Fan-in: all topics flow into this one; empty: none.
  GroupSyncConfig groups;
  friend bool operator==(const Link&, const Link&) = default;
};

// A Link with every default and nothing that is required.
Link DefaultLink();

}  // namespace atl::config
