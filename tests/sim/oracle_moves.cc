// The oracle's part about owners: who took over what, what each move had to take along, what
// returned regions must have kept, and what all of it comes to in the end.
#include <algorithm>
#include <utility>

#include "tests/sim/oracle.h"

namespace atl::sim {
namespace {

int64_t SegmentCount(Region& region, const broker::Partition& partition) {
  const broker::Partition::Identity& identity = partition.identity();
  const std::string topic =
      broker::Catalog::TopicFolder(kDataFolder, identity.topic, identity.topic_id);
  const auto names = region.files().List(fmt::format("{}/{}", topic, identity.partition.value()));
  if (!names.ok()) return 0;
  return std::ranges::count_if(*names, [](const std::string& n) { return n.ends_with(".log"); });
}

}  // namespace

Region* Oracle::RegionOf(int number) const {
  const auto found = std::ranges::find_if(
      regions_, [number](const auto& region) { return region->ordinal().value() == number; });
  return found == regions_.end() ? nullptr : found->get();
}

Region* Oracle::OwnerOf(const TopicId& topic) const {
  const auto found = stints_.find(topic);
  return found == stints_.end() ? nullptr : RegionOf(found->second.region);
}

// --- What was acknowledged ---

void Oracle::OnAck(const Region& region, const TopicId& topic, PartitionId partition, Offset base,
                   const std::vector<std::string>& values) {
  const Place place{topic, partition};
  Truth& truth = truths_[place];
  const Copy& copy = copies_[{region.ordinal().value(), place}];
  for (size_t i = 0; i < values.size(); ++i) {
    const Offset offset = base + RecordCount(static_cast<int64_t>(i));
    Acked acked{.offset = offset, .batch = {}};
    const auto& spots = truth.history.SpotsOf(values[i]);
    for (const History::Spot& spot : spots) {
      if (spot.offset != offset) continue;
      if (!acked.batch || truth.history.Has(copy.tip, spot.batch)) acked.batch = spot.batch;
    }
    // Appended in the event in which its owner stopped in order: looked at when it serves again.
    const bool unseen = spots.empty() && !region.up();
    if (!acked.batch && !unseen) {
      world_.Fail("S1",
                  fmt::format("'{}' was acknowledged by {} at offset {} and is {}", values[i],
                              region.name(), offset.value(),
                              spots.empty() ? std::string("nowhere")
                                            : fmt::format("at {}", spots.front().offset.value())));
      return;
    }
    JudgeLateAck(place, values[i], acked);
    truth.acked[values[i]] = acked;
  }
}

// An acknowledgement under an epoch that is over by now.
void Oracle::JudgeLateAck(const Place& place, const std::string& value, Acked& acked) {
  const auto found = stints_.find(place.first);
  if (found == stints_.end() || !acked.batch) return;
  const Stint& stint = found->second;
  const LeaderEpoch epoch = acked.batch->epoch;
  if (epoch >= stint.epoch) return;
  const Copy& owner = copies_[{stint.region, place}];
  if (truths_[place].history.Has(owner.tip, *acked.batch)) return;
  acked.cut = true;
  if (!stint.planned || epoch.owner().value() != stint.from) return;
  world_.Fail("S10", fmt::format("'{}' was acknowledged at offset {} under epoch {}, behind the "
                                 "fence of the move to epoch {}",
                                 value, acked.offset.value(), epoch.value(), stint.epoch.value()));
}

bool Oracle::Has(const Region& region, const TopicId& topic, PartitionId partition,
                 const std::string& value) const {
  const Place place{topic, partition};
  const auto truth = truths_.find(place);
  const auto copy = copies_.find({region.ordinal().value(), place});
  if (truth == truths_.end() || copy == copies_.end()) return false;
  const auto acked = truth->second.acked.find(value);
  return acked != truth->second.acked.end() && acked->second.batch &&
         truth->second.history.Has(copy->second.tip, *acked->second.batch);
}

// --- Who owns it ---

void Oracle::CheckStint(Region& region, const broker::Topic& topic) {
  if (world_.failure() || topic.is_mirror()) return;
  const Stint before = stints_[topic.id];
  if (topic.epoch <= before.epoch) return;
  const int number = region.ordinal().value();
  if (topic.epoch.owner() != region.ordinal()) {
    world_.Fail("S7",
                fmt::format("{}: owns {} under epoch {} of region {}", region.name(),
                            topic.name.value(), topic.epoch.value(), topic.epoch.owner().value()));
    return;
  }
  Stint& stint = stints_[topic.id];
  stint = {.epoch = topic.epoch, .region = number};
  const auto moves = region.process().failover_table.List();
  for (size_t i = 0; moves.ok() && i < moves->size(); ++i) {
    const checkpoint::FailoverRecord& move = (*moves)[i];
    const bool minted = std::ranges::any_of(
        move.topics, [&](const auto& t) { return t.id == topic.id && t.new_epoch == topic.epoch; });
    if (!minted) continue;
    const auto from = std::ranges::find_if(
        regions_, [&](const auto& r) { return r->name() == move.source.value(); });
    stint.from = (*from)->ordinal().value();
    stint.planned = move.mode == checkpoint::FailoverMode::kPromote && stint.from == before.region;
  }
  if (before.region == 0) return;
  const bool moved = before.region != number;
  if (moved) {
    world_.Note("{} owns {} at epoch {} ({})", region.name(), topic.name.value(),
                topic.epoch.value(), stint.planned ? "planned" : "forced");
    world_.Reach(stint.planned ? Mark::kPromoted : Mark::kFailedOver);
  }
  for (const auto& partition : topic.partitions) {
    Group& group = groups_[{topic.id, partition->identity().partition}];
    if (moved && stint.planned) {
      group.floor_epoch = stint.epoch;
      group.floor = group.read_by_move;
    }
    JudgeAcked(region, {topic.id, partition->identity().partition}, stint, moved);
  }
}

// What the new epoch begins with: everything that was acknowledged, unless the move was forced.
void Oracle::JudgeAcked(const Region& region, const Place& place, const Stint& stint, bool moved) {
  Truth& truth = truths_[place];
  const Copy& copy = copies_[{stint.region, place}];
  const std::set<BatchKey> path = truth.history.Path(copy.tip);
  // Whoever began later than the topic knows nothing of what came before.
  const Offset first = path.empty() ? copy.start : std::min(copy.start, path.begin()->base);
  for (auto& [value, acked] : truth.acked) {
    if (acked.cut || !acked.batch || acked.offset < first || path.contains(*acked.batch)) continue;
    acked.cut = true;
    if (moved && !stint.planned) {
      world_.Reach(Mark::kAckedCut);
      continue;
    }
    world_.Fail(moved ? "S10" : "S1",
                fmt::format("{}: epoch {} begins without '{}', acknowledged at offset {} under "
                            "epoch {}",
                            region.name(), stint.epoch.value(), value, acked.offset.value(),
                            acked.batch->epoch.value()));
    return;
  }
}

// --- What was cut away ---

// What a mirror's log had and has no more is in the quarantine, whole, before it goes.
void Oracle::CheckTruncation(Region& region, const Place& place, Copy& copy, Offset end) {
  const History& history = truths_[place].history;
  const std::set<BatchKey> kept = Quarantined(region, place);
  const bool unread = IsUnread(region, place);
  std::set<BatchKey>& removed = removed_[{region.ordinal().value(), place}];
  for (const BatchKey& key : history.Beyond(copy.tip, end)) {
    if (history.Find(key)->end <= copy.start) {
      trimmed_[place].insert(key);  // Deleted before it was cut off.
      continue;
    }
    removed.insert(key);
    if (unread || kept.contains(key)) continue;
    world_.Fail(kept.empty() ? "S6" : "S11",
                fmt::format("{}: had [{}, {}) and ends at {}; the batch at {} of epoch {} is not "
                            "in quarantine",
                            region.name(), copy.start.value(), copy.end.value(), end.value(),
                            key.base.value(), key.epoch.value()));
    return;
  }
  world_.Reach(Mark::kReturned);
  copy.tip = history.Below(copy.tip, end);
  CheckClamped(region, place, end);
}

std::set<BatchKey> Oracle::Quarantined(Region& region, const Place& place) {
  std::set<BatchKey> kept;
  const mirror::Quarantine& quarantine = *region.process().quarantine;
  for (const mirror::QuarantinedTail& tail : quarantine.List()) {
    if (tail.topic_id != place.first || tail.partition != place.second) continue;
    int64_t records = 0;
    mirror::TailCursor cursor;
    const Status read =
        quarantine.Read(tail, cursor, [&](const kafka::BatchView& batch) -> StatusOr<bool> {
          const BatchKey key{batch.header().base_offset, batch.header().leader_epoch};
          const History::Batch* const known = truths_[place].history.Find(key);
          if (known == nullptr || !std::ranges::equal(known->bytes, batch.bytes())) {
            return Corrupt("offset {} was never in a log", key.base.value());
          }
          records += batch.header().record_count;
          kept.insert(key);
          return true;
        });
    if (read.ok() && records == tail.records) continue;
    world_.Fail("S11",
                fmt::format("{}: quarantine {} has {} records, its manifest says {}: {}",
                            region.name(), tail.id, records, tail.records, StatusMessage(read)));
  }
  return kept;
}

// The disk did not give all of it when the region started, and the quarantine says so.
bool Oracle::IsUnread(Region& region, const Place& place) const {
  const std::string folder = fmt::format(".{}/{}/", place.first.ToString(), place.second.value());
  const std::vector<std::string> damaged = region.process().quarantine->damaged();
  return std::ranges::any_of(
      damaged, [&](const std::string& what) { return what.find(folder) != std::string::npos; });
}

// S12: what was set aside is there after every crash; `complete`: and the disk gives all of it.
void Oracle::CheckQuarantine(Region& region, bool complete) {
  for (const auto& [key, removed] : removed_) {
    if (key.first != region.ordinal().value() || world_.failure()) continue;
    if (!complete && IsUnread(region, key.second)) continue;
    const std::set<BatchKey> kept = Quarantined(region, key.second);
    if (std::ranges::includes(kept, removed)) continue;
    world_.Fail("S12", fmt::format("{}: what was set aside of partition {} is gone", region.name(),
                                   key.second.second.value()));
  }
}

// --- In the end ---

// S1, S11: what was acknowledged is in the owner's log, or in somebody's quarantine.
void Oracle::CheckKept() {
  for (auto& [place, truth] : truths_) {
    const Region* const owner = OwnerOf(place.first);
    if (owner == nullptr || deleted_.contains(place.first) || truth.acked.empty()) continue;
    const Copy& copy = copies_[{owner->ordinal().value(), place}];
    const std::set<BatchKey> path = truth.history.Path(copy.tip);
    const Offset first = path.empty() ? copy.start : std::min(copy.start, path.begin()->base);
    std::set<BatchKey> kept;
    bool looked = false;
    for (const auto& [value, acked] : truth.acked) {
      if (!acked.batch || acked.offset < first || path.contains(*acked.batch)) continue;
      if (!std::exchange(looked, true)) {
        for (const auto& region : regions_) {
          if (region->up()) kept.merge(Quarantined(*region, place));
        }
      }
      if (acked.cut && kept.contains(*acked.batch)) continue;
      if (acked.cut && trimmed_[place].contains(*acked.batch)) continue;
      world_.Fail(
          acked.cut ? "S11" : "S1",
          fmt::format("'{}' was acknowledged at offset {} under epoch {} and is neither in "
                      "the owner's log ({}) nor in quarantine",
                      value, acked.offset.value(), acked.batch->epoch.value(), owner->name()));
      return;
    }
  }
}

void Oracle::CheckAll(bool complete) {
  for (const auto& region : regions_) {
    if (region->up()) CheckQuarantine(*region, complete);
  }
  for (const auto& [id, stint] : stints_) {
    if (world_.failure()) return;
    Region& owner = *RegionOf(stint.region);
    if (stint.region == 0 || deleted_.contains(id) || !owner.up()) continue;
    const auto topic = owner.process().catalog.view()->Find(id);
    if (topic == nullptr || topic->is_mirror()) {
      world_.Fail("S7", fmt::format("{}: minted epoch {} of {} and does not own it", owner.name(),
                                    stint.epoch.value(), id.ToString()));
      return;
    }
    if (complete) CheckAccepting(owner, *topic);
    for (const auto& partition : topic->partitions) {
      CheckEqual(owner, *topic, *partition, complete);
    }
  }
  if (complete && !world_.failure()) CheckKept();
  if (complete && !world_.failure()) CheckReports();
}

// L1, L3: an owner accepts again.
void Oracle::CheckAccepting(Region& owner, const broker::Topic& topic) {
  const std::string held = owner.process().owners.HeldBecause(topic.id);
  if (!held.empty()) {
    world_.Fail("L3",
                fmt::format("{}: {} is held for ever: {}", owner.name(), topic.name.value(), held));
    return;
  }
  const broker::GateAnswer answer = owner.process().gate.AdmitClient(topic.id);
  if (answer.error == kafka::ErrorCode::kNone) return;
  world_.Fail("L1", fmt::format("{}: {} accepts nothing: {} ({})", owner.name(), topic.name.value(),
                                answer.message, owner.process().lease.status().reason));
}

// S21: "loses at most N" is true of everything that the old owner ever had behind the cut. What it
// appended after it had been heard counts, too.
void Oracle::CheckReports() {
  for (const checkpoint::FailoverRecord& report : reports_) {
    const Region& source = **std::ranges::find_if(
        regions_, [&](const auto& r) { return r->name() == report.source.value(); });
    for (const checkpoint::FailoverTopic& topic : report.topics) {
      for (size_t p = 0; p < topic.partitions.size(); ++p) {
        const checkpoint::FailoverPartition& told = topic.partitions[p];
        if (!told.lost_at_most.has_value()) continue;
        const Place place{topic.id, PartitionId(static_cast<int32_t>(p))};
        const Offset end =
            truths_[place].history.EndOf(source.ordinal(), topic.old_epoch, topic.new_epoch);
        const int64_t lost = std::max<int64_t>(0, (end - told.cut).value());
        if (lost <= *told.lost_at_most) continue;
        world_.Fail("S21", fmt::format("move {} of {} to {} says that at most {} records of {}-{} "
                                       "are lost, {} are",
                                       report.id, report.source.value(), report.target.value(),
                                       *told.lost_at_most, topic.name.value(), p, lost));
        return;
      }
    }
  }
}

// Every log as a whole; in the end all of a partition's are the same.
void Oracle::CheckEqual(Region& owner, const broker::Topic& topic,
                        const broker::Partition& partition, bool complete) {
  const Place place{topic.id, partition.identity().partition};
  const auto look = [&](Region& region, const broker::Topic& t, const broker::Partition& p) {
    History::Tip tip;
    Follow(region, t, p, p.offsets().log_start, p.offsets().high_watermark, tip);
    return tip;
  };
  const History::Tip tip = look(owner, topic, partition);
  if (SegmentCount(owner, partition) > 1) world_.Reach(Mark::kRolled);
  const broker::PartitionOffsets ends = partition.offsets();
  for (const auto& region : regions_) {
    if (world_.failure() || region.get() == &owner || !region->up()) continue;
    const auto there = region->process().catalog.view()->Find(topic.id);
    const auto copy = PartitionOf(*region, place.first, place.second);
    if (!copy) {
      if (complete) {
        world_.Fail(
            "L1", fmt::format("{}: has no mirror of {}", region->name(), Where(owner, partition)));
      }
      continue;
    }
    const History::Tip theirs = look(*region, *there, *copy);
    const broker::PartitionOffsets offsets = copy->offsets();
    const bool equal = offsets.high_watermark == ends.high_watermark &&
                       (offsets.log_start == offsets.high_watermark ||
                        ends.log_start == ends.high_watermark || theirs == tip);
    if (complete && !world_.failure() && !equal) {
      world_.Fail(
          "L1", fmt::format("{}: ends at {} (epoch {}), the owner {} at {}", Where(*region, *copy),
                            offsets.high_watermark.value(), theirs ? theirs->epoch.value() : -1,
                            owner.name(), ends.high_watermark.value()));
    }
  }
}

}  // namespace atl::sim
