// How links and mirrors look from outside: rows for the API, metric families for Prometheus
// (reference/interfaces-and-metrics.md 5.2), and the one sentence about a whole link. Pure
// functions over MirrorStatus; what is not known is absent, never 0.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/types.h"
#include "mirror/watch/mirror_status.h"
#include "mirror/watch/verify_status.h"

namespace atl::mirror {

// One mirrored partition, as GET /v1/links/{link}/mirrors shows it.
struct MirrorRow {
  LinkName link;
  TopicName topic;
  TopicId topic_id;
  PartitionId partition;
  MirrorState state = MirrorState::kLocating;
  std::string reason;
  WallTime since;
  std::optional<Offset> source_end;
  std::optional<Offset> applied_end;
  MirrorLag lag;
  std::optional<WallTime> last_contact;
  VerifyStatus verify;
};
MirrorRow MakeRow(const MirrorKey& key, const MirrorStatus& status, VerifyStatus verify = {});

// Names are the API's and the label values of atoll_link_state: "source_unavailable".
enum class LinkCondition {
  kConnecting,         // Never heard the source since this process started.
  kRunning,            // Every mirror advances, or stands at a source end heard recently.
  kDegraded,           // In contact, but a partition is halted, diverged, in a gap, in conflict or
                       // cut off from its broker.
  kSourceUnavailable,  // No contact within the heartbeat, or every connection is broken.
  kPaused,             // By an operator or by YAML.
  kRefused,            // The source is not who it should be (cluster id); needs an operator.
};
std::string_view ConditionName(LinkCondition condition);
inline constexpr int kLinkConditionCount = static_cast<int>(LinkCondition::kRefused) + 1;

// Contact older than this is no contact; a mirror's lag is not 0 any more.
inline constexpr Duration kHeartbeat = std::chrono::seconds(10);

// What the link's shell knows beside its mirrors.
struct LinkFacts {
  LinkName link;
  RegionName source;
  RegionName target;
  bool paused = false;
  std::string refused;                   // Why, when the source was refused.
  std::optional<WallTime> last_contact;  // Any good answer, also one without a partition in it.
  Duration rpo_target{};                 // 0: none set.
  // When what the source has was last copied; nothing: never.
  std::optional<WallTime> topics_synced;
  std::optional<WallTime> configs_synced;
  bool verifies = false;  // Mirrors are compared with the source all the time.
};

struct LinkView {
  LinkCondition condition = LinkCondition::kConnecting;
  std::string reason;  // Names the partitions to look at; empty when running.
  // The largest lag of all mirrors that a failover would serve; nothing while one is not known.
  std::optional<double> rpo_seconds;
  int64_t partitions = 0;
  std::optional<int64_t> lag_records;  // Sums; nothing while one is not known.
  std::optional<int64_t> lag_bytes;
  std::array<int64_t, kMirrorStateCount> partitions_in_state{};
};
LinkView ViewLink(const LinkFacts& facts, std::span<const MirrorRow> rows, WallTime now);

struct LinkSample {
  LinkFacts facts;
  std::vector<MirrorRow> rows;
};
// atoll_mirror_lag_*, atoll_mirror_{source_end,applied}_offset, atoll_mirror_topics, atoll_link_*.
// Above `most_series` partitions those with a partition's label are given per topic. For a Metrics
// collector.
void AppendLinkFamilies(std::span<const LinkSample> links, WallTime now, size_t most_series,
                        std::vector<MetricFamily>& out);

}  // namespace atl::mirror
