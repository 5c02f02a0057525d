#include "mirror/ownership/failover_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/crc32c.h"

namespace atl::mirror {
namespace {

using Mode = checkpoint::FailoverMode;

class Findings {
 public:
  Findings(const PlanInput& input, std::vector<PlanFinding>& out) : input_(input), out_(out) {}

  void Block(const TopicName& topic, std::string code, std::string message, std::string remedy) {
    const bool accepted = !topic.empty() && input_.accepted.contains(topic);
    out_.push_back({topic, std::move(code), std::move(message), std::move(remedy), !accepted});
  }
  void Warn(const TopicName& topic, std::string code, std::string message, std::string remedy) {
    out_.push_back({topic, std::move(code), std::move(message), std::move(remedy), false});
  }

 private:
  const PlanInput& input_;
  std::vector<PlanFinding>& out_;
};

constexpr const char* kStopProducers =
    "stop the producers there, wait for lag 0, then `atoll failover run --force`";

// A mirror under another name is a topic of its own: its source can't hand it over, nor follow it.
void FindInNames(const PlanInput& input, Findings& find) {
  if (!input.prefixed) return;
  const std::string what = fmt::format(
      "link `{}` mirrors under another name (naming.prefix), so {} has no topic of that "
      "name",
      input.link.value(), input.source.value());
  if (input.mode == Mode::kPromote) {
    find.Block({}, "prefixed", what + " to hand over", kStopProducers);
  } else {
    find.Warn(
        {}, "no_return", what + " and can't become its mirror",
        "to go back, move the clients to the source's topic; what was written here stays here");
  }
}

void FindInSource(const PlanInput& input, Findings& find) {
  const bool foreign = input.kind == RegionKind::kKafka;
  if (input.starting) {
    find.Block(
        {}, "link_starting",
        fmt::format(
            "link `{}` has just started and does not know its source yet, or the groups there",
            input.link.value()),
        "try again in a moment");
    return;
  }
  FindInNames(input, find);
  if (input.topics.empty()) {
    find.Block({}, "no_topics", "no topic of this link was selected",
               fmt::format("atoll mirror list --link {}", input.link.value()));
  }
  if (foreign) {
    find.Warn({}, "no_return",
              fmt::format("{} is a Kafka cluster: it can't become a mirror of this region again",
                          input.source.value()),
              "to go back, mirror from here with a tool that writes into that cluster, or make an "
              "Atoll region of it");
  }
  if (input.mode == Mode::kPromote && !input.in_contact) {
    find.Block(
        {}, "source_unreachable",
        fmt::format("{} does not answer: a planned move needs the owner", input.source.value()),
        fmt::format("atoll failover plan --link {}", input.link.value()));
  } else if (input.mode == Mode::kPromote && !foreign && !input.control_connected) {
    find.Block(
        {}, "no_control",
        input.control_configured
            ? fmt::format("there is no control connection to {}", input.source.value())
            : "the link has no source.control: the owner can't be asked to stop",
        "see `atoll link status`; or stop the producers and use `atoll failover run --force`");
  }
  if (input.mode == Mode::kFailover && input.in_contact && !input.force && !foreign) {
    find.Block({}, "source_reachable",
               fmt::format("{} answers: a forced move would lose what it accepts meanwhile",
                           input.source.value()),
               input.prefixed
                   ? kStopProducers
                   : fmt::format("atoll promote --link {}; or --force", input.link.value()));
  }
}

void FindInPartition(const PlanInput& input, const PlanTopic& topic, const PlanPartition& partition,
                     Findings& find) {
  const MirrorRow& mirror = partition.mirror;
  const std::string where = fmt::format("{}-{}", topic.name.value(), mirror.partition.value());
  const std::string decide =
      fmt::format("atoll mirror resume --link {} {} [--skip], or --accept {}", input.link.value(),
                  topic.name.value(), topic.name.value());
  switch (mirror.state) {
    case MirrorState::kDiverged:
    case MirrorState::kHalted:
    case MirrorState::kGap:
    case MirrorState::kConflict:
    case MirrorState::kRetired:
      find.Block(topic.name, std::string(MirrorStateName(mirror.state)),
                 fmt::format("{}: {}", where, mirror.reason), decide);
      break;
    case MirrorState::kPaused:
      if (input.mode == Mode::kPromote) {
        find.Block(topic.name, "paused", fmt::format("{} is paused: it can't catch up", where),
                   fmt::format("atoll mirror resume --link {} {}", input.link.value(),
                               topic.name.value()));
      }
      break;
    default:
      break;
  }
  if (mirror.verify.mismatch) {
    find.Block(topic.name, "mismatch", fmt::format("{}: {}", where, mirror.verify.reason),
               fmt::format("atoll verify --link {} --topic {} --deep --wait; then {}",
                           input.link.value(), topic.name.value(), decide));
  }
  const Offset best = std::max(partition.local_end, partition.ahead_end);
  if (input.mode == Mode::kFailover && partition.unlinked_end > best) {
    find.Block(
        topic.name, "ahead_unlinked",
        fmt::format("{}: {} holds {} more records and no link of this region pulls from there",
                    where, partition.unlinked.value(), (partition.unlinked_end - best).value()),
        fmt::format("move the topics to {0} instead, or add a link from {0}; --accept {1} "
                    "leaves them out (they are set aside there)",
                    partition.unlinked.value(), topic.name.value()));
  }
  const bool still = mirror.lag.records.has_value() && *mirror.lag.records == 0 &&
                     partition.still_for >= kStandsStill;
  if (input.kind == RegionKind::kKafka && input.mode == Mode::kPromote && !still) {
    find.Block(
        topic.name, "still_written",
        fmt::format("{}: the mirror is not at the source's end, or the end has moved within {} s",
                    where, ToSeconds(kStandsStill)),
        "stop the producers of the Kafka cluster, wait for lag 0, then make the plan again");
  }
}

void FindInTopic(const PlanInput& input, const PlanTopic& topic, Findings& find) {
  if (!topic.held.empty()) {
    find.Block(topic.name, "moving", topic.held, "atoll failover list");
  }
  for (const PlanPartition& partition : topic.partitions) {
    FindInPartition(input, topic, partition, find);
  }
  const bool unverified = std::ranges::any_of(topic.partitions, [](const PlanPartition& partition) {
    return partition.local_end > Offset(0) && !partition.mirror.verify.verified_to.has_value();
  });
  if (unverified) {
    find.Warn(topic.name, "unverified", "not every partition was compared with the source",
              fmt::format("atoll verify --link {} --topic {} --wait", input.link.value(),
                          topic.name.value()));
  }
  for (const GroupId& group : topic.active_groups) {
    find.Block(topic.name, "active_group",
               fmt::format("group `{}` has members here and offsets of its own: what the source "
                           "committed is not placed",
                           group.value()),
               fmt::format("stop its members here, or --accept {}", topic.name.value()));
  }
}

// Nothing in, nothing out.
template <class T>
void AddTo(std::optional<T>& sum, const std::optional<T>& part) {
  sum = sum.has_value() && part.has_value() ? std::optional<T>(*sum + *part) : std::nullopt;
}

PlanRow MakePlanRow(const PlanInput& input, const PlanTopic& topic) {
  PlanRow row;
  row.topic = topic.name;
  row.id = topic.id;
  row.epoch = topic.owner.epoch;
  row.partitions = static_cast<int32_t>(topic.partitions.size());
  row.lag_records = row.lag_bytes = row.lost_known = 0;
  row.lag_seconds = 0.0;
  row.groups_placed = topic.groups_placed;
  row.groups_total = topic.groups_total;
  for (const PlanPartition& partition : topic.partitions) {
    const MirrorRow& mirror = partition.mirror;
    AddTo(row.lag_records, mirror.lag.records);
    AddTo(row.lag_bytes, mirror.lag.bytes);
    row.lag_seconds = row.lag_seconds.has_value() && mirror.lag.seconds.has_value()
                          ? std::optional(std::max(*row.lag_seconds, *mirror.lag.seconds))
                          : std::nullopt;
    Offset end = partition.local_end;
    if (partition.ahead_end != kNoOffset && partition.ahead_end > end) {
      end = partition.ahead_end;
      row.drain_from = partition.ahead;
    }
    std::optional<int64_t> lost;
    if (mirror.source_end.has_value()) {
      lost = std::max<int64_t>(0, (*mirror.source_end - end).value());
    }
    AddTo(row.lost_known, lost);
    row.open_transactions += partition.open_transactions;
  }
  if (input.mode == Mode::kPromote) {
    row.lost_known = row.lost_at_most = 0;  // Or the move is rolled back.
  }
  return row;
}

std::string HashOf(const PlanInput& input, const FailoverPlan& plan) {
  std::string text =
      fmt::format("{} {} {} {} {} {}", checkpoint::FailoverModeName(plan.mode), plan.link.value(),
                  plan.source.value(), plan.target.value(), plan.in_contact, input.force);
  for (const PlanRow& row : plan.rows) {
    text += fmt::format("|{} {} {} {} {}", row.topic.value(), row.id.ToString(), row.epoch.value(),
                        row.partitions, row.drain_from.value());
  }
  for (const PlanFinding& finding : plan.findings) {
    text += fmt::format("!{} {} {}", finding.topic.value(), finding.code, finding.blocking);
  }
  const auto half = text.size() / 2;
  return fmt::format("{:08x}{:08x}", Crc32c(AsBytes(text)),
                     Crc32c(AsBytes(std::string_view(text).substr(half))));
}

}  // namespace

bool FailoverPlan::blocked() const { return std::ranges::any_of(findings, &PlanFinding::blocking); }

FailoverPlan MakePlan(const PlanInput& input) {
  FailoverPlan plan;
  plan.mode = input.mode;
  plan.link = input.link;
  plan.source = input.source;
  plan.target = input.target;
  plan.in_contact = input.in_contact;
  if (input.last_contact.has_value()) plan.silent_for = input.now - *input.last_contact;
  Findings find(input, plan.findings);
  FindInSource(input, find);
  for (const TopicName& name : input.not_mirrored) {
    if (input.starting) break;  // Nobody can tell yet.
    find.Block(name, "not_mirrored",
               fmt::format("link `{}` does not mirror `{}`", input.link.value(), name.value()),
               "atoll ownership show " + name.value());
  }
  for (const PlanTopic& topic : input.topics) {
    FindInTopic(input, topic, find);
    plan.rows.push_back(MakePlanRow(input, topic));
  }
  plan.hash = HashOf(input, plan);
  return plan;
}

}  // namespace atl::mirror
