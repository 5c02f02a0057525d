// The plan of a move: what it would do and cost, from a snapshot of what is known here. A pure
// function, shown before anything happens; what is executed is the plan that was shown, by its
// hash. The hash covers what decides (mode, topics, epochs, findings, contact), not lags that move
// by the second.
// Honest: a loss that can't be bounded is unknown, never 0 (S21).
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/types.h"
#include "base/uuid.h"
#include "checkpoint/failover_table.h"
#include "checkpoint/ownership_table.h"
#include "mirror/ownership/ownership.h"
#include "mirror/watch/lag.h"

namespace atl::mirror {

struct PlanPartition {
  MirrorRow mirror;  // As the link shows it.
  Offset local_end;  // Durable here.
  int open_transactions = 0;
  // The region, other than the source, that holds more of it than this one and that a link of ours
  // can pull it from; empty: none known.
  RegionName ahead;
  Offset ahead_end = kNoOffset;
  // One that holds more still, and that no link of ours reaches.
  RegionName unlinked;
  Offset unlinked_end = kNoOffset;
  Duration
      still_for{};  // The source's end has not moved for so long; asked of Kafka clusters only.
};

struct PlanTopic {
  TopicName name;
  TopicId id;
  checkpoint::OwnershipRecord owner;
  std::string held;  // Why nobody may append to it here now.
  std::vector<PlanPartition> partitions;
  int groups_total = 0;  // Known at the source, for this topic.
  int groups_placed = 0;
  std::vector<GroupId> active_groups;  // With members here and other offsets than the source's.
};

struct PlanInput {
  checkpoint::FailoverMode mode = checkpoint::FailoverMode::kPromote;
  LinkName link;
  RegionName source;
  RegionName target;
  RegionKind kind = RegionKind::kAtoll;
  bool force = false;
  bool starting = false;  // The link knows neither its mirrors nor its source yet.
  bool prefixed = false;  // The link mirrors under other names: topics that the source has not.
  std::set<TopicName> accepted;  // Findings of these topics don't block.
  WallTime now{};
  std::optional<WallTime> last_contact;  // With the source's data.
  bool in_contact = false;               // Within the heartbeat.
  bool control_configured = false;
  bool control_connected = false;
  std::vector<PlanTopic> topics;        // Selected ones, by name.
  std::vector<TopicName> not_mirrored;  // Selected by name, but this link does not mirror them.
};

struct PlanFinding {
  TopicName topic;   // Empty: of the whole move.
  std::string code;  // "diverged", "gap", ...
  std::string message;
  std::string remedy;
  bool blocking = false;
};

struct PlanRow {
  TopicName topic;
  TopicId id;
  LeaderEpoch epoch;
  int32_t partitions = 0;
  std::optional<int64_t> lag_records;
  std::optional<int64_t> lag_bytes;
  std::optional<double> lag_seconds;
  // What would be lost: known of, and at most; unknown when nothing bounds it.
  std::optional<int64_t> lost_known;
  std::optional<int64_t> lost_at_most;
  int groups_placed = 0;
  int groups_total = 0;
  int open_transactions = 0;
  RegionName drain_from;  // Who is furthest ahead, if not this region: pulled before the mint.
};

struct FailoverPlan {
  checkpoint::FailoverMode mode = checkpoint::FailoverMode::kPromote;
  LinkName link;
  RegionName source;
  RegionName target;
  bool in_contact = false;
  std::optional<Duration> silent_for;  // Nothing: never heard.
  std::vector<PlanRow> rows;
  std::vector<PlanFinding> findings;
  std::string hash;
  bool blocked() const;
};

// Of a Kafka cluster, whose producers nobody but the operator can stop.
inline constexpr Duration kStandsStill = std::chrono::seconds(2);

FailoverPlan MakePlan(const PlanInput& input);

}  // namespace atl::mirror
