#include "mirror/ownership/ownership.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace atl::mirror {

using broker::GateAnswer;
using broker::Topic;
using kafka::ErrorCode;

bool SourceOwns(RegionKind kind, NodeId source_node, LeaderEpoch leader_epoch) {
  if (kind == RegionKind::kKafka) return true;
  const RegionOrdinal owner = leader_epoch.owner();
  return owner != kForeignRegion && owner.value() == source_node.value();
}

namespace {

constexpr size_t kMostStints = 4096;

// The stint at which the owner changed last; null: it never did.
const checkpoint::LineageEntry* LastMoveIn(const std::vector<checkpoint::LineageEntry>& lineage) {
  const checkpoint::LineageEntry* last = nullptr;
  for (size_t i = 1; i < lineage.size(); ++i) {
    if (lineage[i].owner != lineage[i - 1].owner) last = &lineage[i];
  }
  return last;
}

}  // namespace

LeaderEpoch LastMove(const checkpoint::OwnershipRecord& record) {
  const auto* const move = LastMoveIn(record.lineage);
  return move == nullptr ? kNoEpoch : move->epoch;
}

bool KnowsLastCut(const checkpoint::OwnershipRecord& record) {
  const auto* const move = LastMoveIn(record.lineage);
  return move != nullptr && !move->cut.empty();
}

Status CheckRecord(const checkpoint::OwnershipRecord& record) {
  const std::string& name = record.name.value();
  const auto check = [&name](LeaderEpoch epoch, RegionOrdinal owner,
                             const std::vector<Offset>& cut) -> Status {
    if (owner < RegionOrdinal(1) || owner > RegionOrdinal(kMaxRegionOrdinal) ||
        epoch.owner() != owner || epoch < LeaderEpoch::First(owner) || epoch >= kNoSaneEpoch) {
      return InvalidArgument("`{}`: region {} can't have minted epoch {}", name, owner.value(),
                             epoch.value());
    }
    const bool offsets = std::ranges::all_of(cut, [](Offset o) { return o >= Offset(0); });
    if (!offsets || cut.size() > broker::kMostTopicPartitions) {
      return InvalidArgument("`{}`: the cut of epoch {} is none", name, epoch.value());
    }
    return OkStatus();
  };
  RETURN_IF_ERROR(check(record.epoch, record.owner, record.cut));
  if (record.lineage.size() > kMostStints) {
    return InvalidArgument("`{}`: a lineage of {} stints", name, record.lineage.size());
  }
  LeaderEpoch last = kNoEpoch;
  for (const checkpoint::LineageEntry& stint : record.lineage) {
    // A topic promoted from a Kafka cluster began under that one's epochs.
    if (stint.owner != kForeignRegion) {
      RETURN_IF_ERROR(check(stint.epoch, stint.owner, stint.cut));
    }
    if (stint.epoch <= last) return InvalidArgument("`{}`: its lineage falls", name);
    last = stint.epoch;
  }
  if (!record.lineage.empty() && last != record.epoch) {
    return InvalidArgument("`{}`: its lineage ends in epoch {}, not in {}", name, last.value(),
                           record.epoch.value());
  }
  return OkStatus();
}

namespace {

TopicDecision Conflict(std::shared_ptr<const Topic> local, std::string_view what) {
  return {.action = TopicAction::kConflict,
          .local = std::move(local),
          .reason = fmt::format("{}; nothing is mirrored and nothing is deleted. Ways out: mirror "
                                "it under another name (naming.prefix), keep one of the two and "
                                "delete the other, or merge both into a third (target.topic); or "
                                "exclude it from the link",
                                what)};
}

// Both say that they own it: the higher epoch does.
TopicDecision DecideOwned(std::shared_ptr<const Topic> local, RegionKind kind,
                          const SourceTopic& source) {
  const std::string& name = source.name.value();
  if (kind == RegionKind::kKafka || source.epoch < local->epoch) {
    std::string reason =
        fmt::format("this region owns `{}` since epoch {}", name, local->epoch.value());
    return {.action = TopicAction::kPromoted, .local = std::move(local), .reason = reason};
  }
  if (source.epoch > local->epoch) {
    std::string reason = fmt::format("the source owns `{}` since epoch {}, this region was at {}",
                                     name, source.epoch.value(), local->epoch.value());
    return {.action = TopicAction::kFollow, .local = std::move(local), .reason = reason};
  }
  return Conflict(local, fmt::format("topic `{}` has the id {} and the epoch {} here and at the "
                                     "source: one is a copy of the other's disk",
                                     name, source.id.ToString(), source.epoch.value()));
}

// The source's topic is here under its own id.
TopicDecision DecideKnown(std::shared_ptr<const Topic> local, const LinkName& link, RegionKind kind,
                          const SourceTopic& source) {
  const std::string& name = source.name.value();
  if (local->name != source.name) {
    return Conflict(
        local, fmt::format("topic `{}` is here under the name `{}`", name, local->name.value()));
  }
  if (!local->is_mirror()) return DecideOwned(std::move(local), kind, source);
  const bool moved = kind == RegionKind::kAtoll && source.epoch >= local->epoch &&
                     (source.epoch > local->epoch || source.epoch.owner() != local->owner);
  if (local->link != link && moved && !local->frozen) {
    std::string reason = fmt::format(
        "`{}` moved to the source at epoch {}; link `{}` pulled it "
        "from its former owner",
        name, source.epoch.value(), local->link.value());
    return {.action = TopicAction::kFollow, .local = std::move(local), .reason = reason};
  }
  if (local->link != link) {
    return Conflict(local,
                    fmt::format("topic `{}` is mirrored by link `{}`", name, local->link.value()));
  }
  if (local->frozen) {
    return Conflict(local, fmt::format("topic `{}` of id {} is an earlier generation that came "
                                       "back at the source",
                                       name, source.id.ToString()));
  }
  return {.action = TopicAction::kMirror, .local = std::move(local), .reason = {}};
}

}  // namespace

TopicDecision DecideTopic(const broker::CatalogView& here, const LinkName& link, RegionKind kind,
                          const SourceTopic& source) {
  if (!SourceOwns(kind, source.leader_node, source.epoch)) {
    return {.action = TopicAction::kNotOwned,
            .local = {},
            .reason = fmt::format("the source does not own `{}`: its epoch {} is of region {}",
                                  source.name.value(), source.epoch.value(),
                                  source.epoch.owner().value())};
  }
  if (kind == RegionKind::kAtoll && source.epoch >= kNoSaneEpoch) {
    return Conflict(here.Find(source.name), fmt::format("the source says epoch {} of `{}`, which "
                                                        "no region mints",
                                                        source.epoch.value(), source.name.value()));
  }
  if (!source.id.is_zero()) {
    if (auto local = here.Find(source.id)) return DecideKnown(std::move(local), link, kind, source);
  }
  auto local = here.Find(source.name);
  if (!local) return {.action = TopicAction::kCreate, .local = {}, .reason = {}};
  const std::string& name = source.name.value();
  if (!local->is_mirror()) {
    return Conflict(local, fmt::format("topic `{}` was created in both regions", name));
  }
  if (local->link != link) {
    return Conflict(local,
                    fmt::format("topic `{}` is mirrored by link `{}`", name, local->link.value()));
  }
  // Without ids a name is all there is.
  if (source.id.is_zero()) {
    return {.action = TopicAction::kMirror, .local = std::move(local), .reason = {}};
  }
  std::string reason = fmt::format(
      "the source's topic `{}` was deleted and created anew: id {} "
      "instead of {}; the old copy is kept, frozen",
      name, source.id.ToString(), local->id.ToString());
  return {
      .action = TopicAction::kGeneration, .local = std::move(local), .reason = std::move(reason)};
}

}  // namespace atl::mirror
