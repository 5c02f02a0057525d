#include "mirror/watch/lag.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <set>
#include <type_traits>
#include <utility>

#include "base/partition_family.h"

namespace atl::mirror {
namespace {

std::optional<Offset> Known(Offset offset) {
  return offset == kNoOffset ? std::nullopt : std::optional(offset);
}

// A failover would serve these; the others have no source any more, or nothing here.
bool CountsForFailover(MirrorState state) {
  return state != MirrorState::kRetired && state != MirrorState::kConflict &&
         state != MirrorState::kPromoted;
}

bool NeedsOperator(MirrorState state) {
  return state == MirrorState::kHalted || state == MirrorState::kGap ||
         state == MirrorState::kDiverged || state == MirrorState::kConflict;
}

bool IsInContact(const MirrorRow& row) {
  return row.state == MirrorState::kMirroring || row.state == MirrorState::kCaughtUp;
}

const MirrorRow* FirstLost(std::span<const MirrorRow> rows) {
  const auto lost = std::find_if(rows.begin(), rows.end(), [](const MirrorRow& row) {
    return row.state == MirrorState::kSourceUnavailable;
  });
  return lost == rows.end() ? nullptr : &*lost;
}

// Unknown stays unknown.
template <class T, class V>
void Join(std::optional<T>& sum, const std::optional<V>& value, auto&& join) {
  if (sum && value) {
    sum = join(*sum, T(*value));
  } else {
    sum.reset();
  }
}

std::string Troubles(std::span<const MirrorRow> rows) {
  std::string text;
  int more = 0;
  for (const MirrorRow& row : rows) {
    if (!NeedsOperator(row.state)) continue;
    if (text.size() > 300) {
      ++more;
      continue;
    }
    text += fmt::format("{}{}-{} {}", text.empty() ? "" : ", ", row.topic.value(),
                        row.partition.value(), MirrorStateName(row.state));
  }
  if (more > 0) text += fmt::format(" and {} more", more);
  return text;
}

void Judge(const LinkFacts& facts, std::span<const MirrorRow> rows, WallTime now, LinkView& view) {
  if (!facts.refused.empty()) {
    view.condition = LinkCondition::kRefused;
    view.reason = facts.refused;
  } else if (facts.paused) {
    view.condition = LinkCondition::kPaused;
    view.reason = "paused by an operator or by its YAML";
  } else if (!facts.last_contact) {
    view.condition = LinkCondition::kConnecting;
    view.reason = "no answer from the source yet";
  } else if (now - *facts.last_contact > kHeartbeat) {
    view.condition = LinkCondition::kSourceUnavailable;
    view.reason =
        fmt::format("no answer from the source since {}", FormatTime(*facts.last_contact));
  } else if (const MirrorRow* lost = FirstLost(rows); lost != nullptr) {
    // A connection that broke is known before the heartbeat is over.
    const bool any = std::any_of(rows.begin(), rows.end(), IsInContact);
    view.condition = any ? LinkCondition::kDegraded : LinkCondition::kSourceUnavailable;
    view.reason =
        fmt::format("{}-{}: {}", lost->topic.value(), lost->partition.value(), lost->reason);
  } else if (std::string troubles = Troubles(rows); !troubles.empty()) {
    view.condition = LinkCondition::kDegraded;
    view.reason = std::move(troubles);
  } else {
    view.condition = LinkCondition::kRunning;
  }
}

struct MirrorFamilies {
  explicit MirrorFamilies(bool many) : by_topic(many) {}
  void Add(const LinkSample& sample);
  void AppendTo(std::vector<MetricFamily>& out) &&;

  static constexpr auto kSum = PartitionFamily::Join::kSum;
  static constexpr auto kMost = PartitionFamily::Join::kMost;
  const bool by_topic;
  PartitionFamily lag_records{"atoll_mirror_lag_records",
                              "Source high watermark as last heard, minus what is durable here.",
                              kSum, by_topic};
  PartitionFamily lag_bytes{"atoll_mirror_lag_bytes", "The same in bytes, estimated.", kSum,
                            by_topic};
  PartitionFamily lag_seconds{"atoll_mirror_lag_seconds",
                              "Age of the oldest record that is not durable here; while the source "
                              "is silent the age of the last contact is in it.",
                              kMost, by_topic};
  PartitionFamily source_end{"atoll_mirror_source_end_offset",
                             "The source's high watermark as last heard.", kSum, by_topic};
  PartitionFamily applied_end{"atoll_mirror_applied_end_offset", "End of what is durable here.",
                              kSum, by_topic};
  PartitionFamily verified{"atoll_mirror_verified_offset",
                           "Everything below was compared with the source's log and is equal.",
                           kSum, by_topic};
  FamilyBuilder compared{"atoll_mirror_verified_partitions",
                         "Mirrored partitions by what comparing them with the source found: equal, "
                         "mismatch, or not_compared (yet, or because nothing compares)."};
  FamilyBuilder topics{"atoll_mirror_topics", "Topics with a partition in this state."};
};

template <class T>
std::optional<double> Number(const std::optional<T>& value) {
  if (!value) return std::nullopt;
  if constexpr (std::is_same_v<T, Offset>) {
    return static_cast<double>(value->value());
  } else {
    return static_cast<double>(*value);
  }
}

void MirrorFamilies::Add(const LinkSample& sample) {
  const std::string& link = sample.facts.link.value();
  std::array<std::set<TopicName>, kMirrorStateCount> topics_in;
  std::map<std::string, int> results{{"equal", 0}, {"mismatch", 0}, {"not_compared", 0}};
  for (const MirrorRow& row : sample.rows) {
    const Labels labels{{"link", link}, {"topic", row.topic.value()}};
    lag_records.Add(labels, row.partition, Number(row.lag.records));
    lag_bytes.Add(labels, row.partition, Number(row.lag.bytes));
    lag_seconds.Add(labels, row.partition, row.lag.seconds);
    source_end.Add(labels, row.partition, Number(row.source_end));
    applied_end.Add(labels, row.partition, Number(row.applied_end));
    verified.Add(labels, row.partition, Number(row.verify.verified_to));
    ++results[row.verify.mismatch ? "mismatch" : row.verify.verified_to ? "equal" : "not_compared"];
    topics_in[static_cast<size_t>(row.state)].insert(row.topic);
  }
  for (const auto& [result, count] : results) {
    compared.Add({{"link", link}, {"result", result}}, count);
  }
  for (int i = 0; i < kMirrorStateCount; ++i) {
    const std::string state(MirrorStateName(static_cast<MirrorState>(i)));
    topics.Add({{"link", link}, {"state", state}},
               static_cast<double>(topics_in[static_cast<size_t>(i)].size()));
  }
}

void MirrorFamilies::AppendTo(std::vector<MetricFamily>& out) && {
  std::move(lag_records).AppendTo(out);
  std::move(lag_bytes).AppendTo(out);
  std::move(lag_seconds).AppendTo(out);
  std::move(source_end).AppendTo(out);
  std::move(applied_end).AppendTo(out);
  std::move(verified).AppendTo(out);
  std::move(compared).AppendTo(out);
  std::move(topics).AppendTo(out);
  AppendAggregated("mirror", by_topic, out);
}

// --- Tasks ---

enum class TaskState { kRunning, kFailing, kPaused, kOff };
constexpr std::array<std::string_view, 4> kTaskStates = {"running", "failing", "paused", "off"};
constexpr Duration kTopicsFresh =
    std::chrono::seconds(30);  // They are looked at every 5 s at most.

struct Task {
  std::string_view name;
  TaskState state;
};

// From what they have reached, not from what they say of themselves.
std::array<Task, 3> TasksOf(const LinkFacts& facts, std::span<const MirrorRow> rows, WallTime now) {
  const auto unless_failing = [](bool failing) {
    return failing ? TaskState::kFailing : TaskState::kRunning;
  };
  const bool apart =
      !facts.refused.empty() || !facts.last_contact || now - *facts.last_contact > kHeartbeat;
  const bool stuck = std::ranges::any_of(rows, [](const MirrorRow& row) {
    return NeedsOperator(row.state) || row.state == MirrorState::kSourceUnavailable;
  });
  const bool differs =
      std::ranges::any_of(rows, [](const MirrorRow& row) { return row.verify.mismatch; });
  const bool stale = !facts.topics_synced || now - *facts.topics_synced > kTopicsFresh;
  std::array<Task, 3> tasks{Task{"discover", unless_failing(apart || stale)},
                            Task{"fetch", unless_failing(apart || stuck)},
                            Task{"verify", unless_failing(apart || differs)}};
  if (facts.paused) {
    for (Task& task : tasks) task.state = TaskState::kPaused;
  }
  if (!facts.verifies) tasks[2].state = TaskState::kOff;
  return tasks;
}

struct LinkFamilies {
  FamilyBuilder info{"atoll_link_info", "One per link, always 1."};
  FamilyBuilder state{"atoll_link_state", "1 for the state a link is in, 0 for the others."};
  FamilyBuilder task_state{"atoll_link_task_state",
                           "1 for the state that a task of the link is in, 0 for the others: "
                           "discover (topics and their configuration), fetch, verify (off without "
                           "a control connection)."};
  FamilyBuilder contact{"atoll_link_last_contact_timestamp_seconds",
                        "When the source answered last."};
  FamilyBuilder rpo{"atoll_link_rpo_seconds",
                    "Age of what a failover now would lose: the largest mirror lag of the link."};
  FamilyBuilder rpo_target{"atoll_link_rpo_target_seconds", "The objective written in YAML."};
  FamilyBuilder synced{"atoll_metadata_sync_last_success_timestamp_seconds",
                       "When what the source has of this kind was last copied."};

  void Add(const LinkSample& sample, WallTime now);
  void AppendTo(std::vector<MetricFamily>& out) &&;
};

void LinkFamilies::Add(const LinkSample& sample, WallTime now) {
  const LinkFacts& facts = sample.facts;
  const Labels labels{{"link", facts.link.value()}};
  const LinkView view = ViewLink(facts, sample.rows, now);
  info.Add({{"link", facts.link.value()},
            {"source", facts.source.value()},
            {"target", facts.target.value()}},
           1);
  for (int i = 0; i < kLinkConditionCount; ++i) {
    const auto condition = static_cast<LinkCondition>(i);
    state.Add({{"link", facts.link.value()}, {"state", std::string(ConditionName(condition))}},
              condition == view.condition ? 1 : 0);
  }
  for (const Task& task : TasksOf(facts, sample.rows, now)) {
    for (size_t i = 0; i < kTaskStates.size(); ++i) {
      task_state.Add({{"link", facts.link.value()},
                      {"task", std::string(task.name)},
                      {"state", std::string(kTaskStates[i])}},
                     i == static_cast<size_t>(task.state) ? 1 : 0);
    }
  }
  if (facts.last_contact) {
    contact.Add(labels, ToSeconds(facts.last_contact->time_since_epoch()));
  }
  if (view.rpo_seconds) rpo.Add(labels, *view.rpo_seconds);
  const auto add_synced = [&](const char* kind, const std::optional<WallTime>& at) {
    if (!at) return;
    synced.Add({{"link", facts.link.value()}, {"kind", kind}}, ToSeconds(at->time_since_epoch()));
  };
  add_synced("topic", facts.topics_synced);
  add_synced("config", facts.configs_synced);
  if (facts.rpo_target > Duration::zero()) rpo_target.Add(labels, ToSeconds(facts.rpo_target));
}

void LinkFamilies::AppendTo(std::vector<MetricFamily>& out) && {
  std::move(info).AppendTo(out);
  std::move(state).AppendTo(out);
  std::move(task_state).AppendTo(out);
  std::move(contact).AppendTo(out);
  std::move(rpo).AppendTo(out);
  std::move(rpo_target).AppendTo(out);
  std::move(synced).AppendTo(out);
}

}  // namespace

MirrorRow MakeRow(const MirrorKey& key, const MirrorStatus& status, VerifyStatus verify) {
  return {.link = key.link,
          .topic = key.topic,
          .topic_id = key.topic_id,
          .partition = key.partition,
          .state = status.state,
          .reason = status.reason,
          .since = status.since,
          .source_end = Known(status.source_end),
          .applied_end = Known(status.applied_end),
          .lag = status.lag,
          .last_contact = status.last_contact,
          .verify = std::move(verify)};
}

std::string_view ConditionName(LinkCondition condition) {
  switch (condition) {
    case LinkCondition::kConnecting:
      return "connecting";
    case LinkCondition::kRunning:
      return "running";
    case LinkCondition::kDegraded:
      return "degraded";
    case LinkCondition::kSourceUnavailable:
      return "source_unavailable";
    case LinkCondition::kPaused:
      return "paused";
    case LinkCondition::kRefused:
      return "refused";
  }
  return "";
}

LinkView ViewLink(const LinkFacts& facts, std::span<const MirrorRow> rows, WallTime now) {
  LinkView view;
  view.partitions = static_cast<int64_t>(rows.size());
  view.lag_records = view.lag_bytes = 0;
  view.rpo_seconds = 0.0;
  const auto larger = [](auto a, auto b) { return std::max(a, b); };
  for (const MirrorRow& row : rows) {
    ++view.partitions_in_state[static_cast<size_t>(row.state)];
    if (!CountsForFailover(row.state)) continue;
    Join(view.rpo_seconds, row.lag.seconds, larger);
    Join(view.lag_records, row.lag.records, std::plus<>());
    Join(view.lag_bytes, row.lag.bytes, std::plus<>());
  }
  // A link that mirrors nothing yet is only as good as its contact.
  if (!facts.last_contact) {
    view.rpo_seconds.reset();
  } else if (const Duration silent = now - *facts.last_contact;
             view.rpo_seconds && silent > kHeartbeat) {
    view.rpo_seconds = std::max(*view.rpo_seconds, ToSeconds(silent));
  }
  Judge(facts, rows, now, view);
  return view;
}

void AppendLinkFamilies(std::span<const LinkSample> links, WallTime now, size_t most_series,
                        std::vector<MetricFamily>& out) {
  size_t partitions = 0;
  for (const LinkSample& sample : links) partitions += sample.rows.size();
  MirrorFamilies mirrors(partitions > most_series);
  LinkFamilies families;
  for (const LinkSample& sample : links) {
    mirrors.Add(sample);
    families.Add(sample, now);
  }
  std::move(mirrors).AppendTo(out);
  std::move(families).AppendTo(out);
}

}  // namespace atl::mirror
