// Failovers: the drill. Everything of a forced move that can be done without changing anything is
// done, and timed: asking the regions, settling the logs here, reading what would be served.
#include <algorithm>

#include "mirror/failovers.h"

namespace atl::mirror {
namespace {

using Rehearsed = Failovers::Rehearsal::Step;

constexpr Duration kAnswer = std::chrono::seconds(2);
// A pessimist's line between regions, for what would have to be pulled first.
constexpr double kOffsetsPerSecond = 50'000;

// "1 topic", "2 topics".
std::string Counted(size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace

bool Failovers::Rehearsal::ready() const {
  return !plan.blocked() && std::ranges::all_of(steps, &Rehearsed::good);
}

std::optional<Duration> Failovers::Rehearsal::unavailable() const {
  Duration sum{};
  for (const Rehearsed& step : steps) {
    if (step.name == "contact") continue;  // A forced move asks nobody who is gone.
    if (!step.takes.has_value()) return std::nullopt;
    sum += *step.takes;
  }
  return sum;
}

StatusOr<Failovers::Rehearsal> Failovers::Rehearse(Request request) const {
  request.mode = Mode::kFailover;
  request.force = true;  // As if the source were gone.
  ASSIGN_OR_RETURN(const PlanInput input, Look(request));
  Rehearsal rehearsal;
  rehearsal.plan = MakePlan(input);
  rehearsal.steps.push_back(RehearseContact(input));
  rehearsal.steps.push_back(RehearseDrain(input));
  rehearsal.steps.push_back(RehearseGroups(input));
  rehearsal.steps.push_back(RehearseSettle(input));
  rehearsal.steps.push_back(RehearseServe(input));
  return rehearsal;
}

// Would a planned move be answered? It costs nothing and is what one wants on a good day.
Rehearsed Failovers::RehearseContact(const PlanInput& input) const {
  Rehearsed step{.name = "contact", .good = true, .what = {}, .takes = {}};
  if (input.kind == RegionKind::kKafka) {
    step.what = fmt::format("{} is a Kafka cluster: nobody there is asked", input.source.value());
    return step;
  }
  EndsRequest request;
  for (const PlanTopic& topic : input.topics) request.topics.push_back(topic.id);
  const MonotonicTime began = room_.clock.Now();
  const auto answer = room_.control.Call(input.source, request, kAnswer);
  const auto* ends = answer.ok() ? std::get_if<EndsAnswer>(&*answer) : nullptr;
  if (ends == nullptr) {
    step.good = false;
    step.what = fmt::format(
        "{} does not answer over the control connection: a planned move is not "
        "possible, and groups are as last heard",
        input.source.value());
    return step;
  }
  step.takes = room_.clock.Now() - began;
  const auto same = std::ranges::count_if(ends->topics, [&input](const EndsAnswer::Topic& told) {
    const auto topic = std::ranges::find(input.topics, told.topic, &PlanTopic::id);
    return topic != input.topics.end() && topic->owner.epoch == told.epoch;
  });
  step.good = static_cast<size_t>(same) == input.topics.size();
  step.what = fmt::format("{} answers, and has {} of {} at the epoch that is known here",
                          input.source.value(), same, Counted(input.topics.size(), "topic"));
  return step;
}

Rehearsed Failovers::RehearseDrain(const PlanInput& input) const {
  int64_t offsets = 0;
  std::set<RegionName> regions;
  for (const PlanTopic& topic : input.topics) {
    for (const PlanPartition& partition : topic.partitions) {
      if (partition.ahead_end <= partition.local_end) continue;
      offsets += (partition.ahead_end - partition.local_end).value();
      regions.insert(partition.ahead);
    }
  }
  Rehearsed step{
      .name = "drain", .good = true, .what = "no other region is ahead", .takes = Duration()};
  if (offsets == 0) return step;
  step.what = fmt::format("{} would be pulled from {} first",
                          Counted(static_cast<size_t>(offsets), "record"),
                          Counted(regions.size(), "other region"));
  const std::chrono::duration<double> seconds(static_cast<double>(offsets) / kOffsetsPerSecond);
  step.takes = std::chrono::duration_cast<Duration>(seconds);
  return step;
}

Rehearsed Failovers::RehearseGroups(const PlanInput& input) const {
  int placed = 0;
  int total = 0;
  for (const PlanTopic& topic : input.topics) {
    placed += topic.groups_placed;
    total += topic.groups_total;
  }
  return {
      .name = "groups",
      .good = placed == total,
      .what = fmt::format("{} of {} groups stand here where they stand at the source; the others "
                          "read again what they did since",
                          placed, total),
      .takes = Duration()};
}

// What a mint waits for: the logs here, synced to their ends.
Rehearsed Failovers::RehearseSettle(const PlanInput& input) const {
  std::vector<TopicId> ids;
  for (const PlanTopic& topic : input.topics) ids.push_back(topic.id);
  const MonotonicTime began = room_.clock.Now();
  const auto ends = room_.catalog.SettledEnds(ids);
  Rehearsed step{
      .name = "settle", .good = ends.ok(), .what = {}, .takes = room_.clock.Now() - began};
  step.what = ends.ok() ? fmt::format("the logs of {} are synced to their ends",
                                      Counted(ids.size(), "topic"))
                        : std::string(StatusMessage(ends.status()));
  return step;
}

// The last batch of each partition is read back, as the first consumer would.
Rehearsed Failovers::RehearseServe(const PlanInput& input) const {
  Rehearsed step{.name = "serve", .good = true, .what = {}, .takes = {}};
  const MonotonicTime began = room_.clock.Now();
  size_t read = 0;
  for (const PlanTopic& topic : input.topics) {
    for (const PlanPartition& partition : topic.partitions) {
      const auto opened = room_.sink.Open(input.link, topic.id, partition.mirror.partition);
      const Status good = opened.ok() ? (*opened)->End().status() : opened.status();
      if (good.ok()) {
        ++read;
        continue;
      }
      step.good = false;
      step.what = fmt::format("{}-{}: {}", topic.name.value(), partition.mirror.partition.value(),
                              StatusMessage(good));
    }
  }
  step.takes = room_.clock.Now() - began;
  if (step.good) step.what = fmt::format("{} partitions can be read at their ends", read);
  return step;
}

}  // namespace atl::mirror
