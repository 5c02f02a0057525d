#include "tests/sim/oracle.h"

#include <algorithm>
#include <utility>

#include "kafka/record/record_reader.h"

namespace atl::sim {
namespace {

constexpr size_t kAll = 64 << 20;

}  // namespace

std::string Oracle::Where(const Region& region, const broker::Partition& partition) {
  return fmt::format("{}: {}-{} ({})", region.name(), partition.identity().topic.value(),
                     partition.identity().partition.value(),
                     partition.identity().topic_id.ToString());
}

void Oracle::OnBoot(const Region& region) { just_started_.insert(region.ordinal().value()); }

void Oracle::Check() {
  for (const auto& region : regions_) {
    if (world_.failure()) return;
    if (region->TakeTouched() && region->up()) CheckRegion(*region);
  }
  if (!world_.failure() && regions_.front()->in_lease_mode()) CheckLeases();
}

void Oracle::CheckRegion(Region& region) {
  const int number = region.ordinal().value();
  const auto view = region.process().catalog.view();
  const bool started = just_started_.erase(number) > 0;
  const uint64_t writes = region.store_writes();
  const bool stored = std::exchange(store_writes_[number], writes) != writes;
  for (const auto& [name, topic] : view->by_name) {
    for (const auto& partition : topic->partitions) {
      CheckPartition(region, *topic, *partition, stored);
      if (world_.failure()) return;
    }
    CheckStint(region, *topic);
  }
  if (!started) return;
  CheckQuarantine(region, false);
  // Earlier generations don't change any more; by id, so that every run looks in one order.
  std::map<TopicId, std::shared_ptr<const broker::Topic>> frozen;
  for (const auto& [id, topic] : view->by_id) {
    if (topic->frozen) frozen[id] = topic;
  }
  for (const auto& [id, topic] : frozen) {
    for (const auto& partition : topic->partitions) {
      CheckPartition(region, *topic, *partition, stored);
    }
  }
}

void Oracle::CheckPartition(Region& region, const broker::Topic& topic,
                            const broker::Partition& partition, bool stored) {
  const Place place{topic.id, partition.identity().partition};
  const Key key{region.ordinal().value(), place};
  const broker::PartitionOffsets offsets = partition.offsets();
  Seen& seen = seen_[key];
  const Seen now{.boot = region.boot(),
                 .log_start = offsets.log_start,
                 .high_watermark = offsets.high_watermark,
                 .log_end = offsets.log_end,
                 .owned = !topic.is_mirror()};
  if (seen == now && !stored) return;
  if (!partition.offline_reason().empty()) return;
  recovering_ = seen.boot != now.boot;
  seen = now;
  Copy& copy = copies_[key];
  const Copy before = copy;
  CheckOffsets(region, topic, partition, before);
  const bool empty = before.start == before.end;
  const bool jumped = before.had_data && offsets.log_start > before.end;
  if (!world_.failure() && before.had_data && !jumped && !empty &&
      offsets.high_watermark < before.end) {
    CheckTruncation(region, place, copy, offsets.high_watermark);
  }
  if (world_.failure()) return;
  // A log that has become empty continues where it was; one that begins anew has nothing before.
  const History& history = truths_[place].history;
  const bool is_empty = offsets.log_start == offsets.high_watermark;
  const bool there = copy.tip && history.Find(*copy.tip)->end == offsets.high_watermark;
  if (jumped || (is_empty && !there)) copy.tip.reset();
  const Offset from =
      recovering_ ? offsets.log_start
                  : std::max(std::min(before.end, offsets.high_watermark), offsets.log_start);
  History::Tip tip = recovering_ && !is_empty ? std::nullopt : copy.tip;
  Follow(region, topic, partition, from, offsets.high_watermark, tip);
  if (world_.failure()) return;
  // A log that was read from disk again is what it was.
  if (recovering_ && copy.tip && !history.Has(tip, *copy.tip)) {
    world_.Fail("S2", fmt::format("{}: the batch at {} is another one than before",
                                  Where(region, partition), copy.tip->base.value()));
    return;
  }
  // What an owner deletes is not lost, whoever owns the topic later.
  if (now.owned && offsets.log_start > before.start) {
    for (const BatchKey& batch : history.Path(tip)) {
      if (history.Find(batch)->end <= offsets.log_start) trimmed_[place].insert(batch);
    }
  }
  copy.start = offsets.log_start;
  copy.end = offsets.high_watermark;
  copy.tip = tip;
  copy.had_data = copy.had_data || offsets.log_start != offsets.high_watermark;
  copy.owned = now.owned;
  copy.ever_owned = copy.ever_owned || now.owned;
  copy.most = std::max(copy.most, copy.end);
  if (topic.is_mirror()) CheckPosition(region, topic, partition);
}

void Oracle::CheckOffsets(Region& region, const broker::Topic& topic,
                          const broker::Partition& partition, const Copy& before) {
  const Place place{topic.id, partition.identity().partition};
  Truth& truth = truths_[place];
  const broker::PartitionOffsets now = partition.offsets();
  if (now.log_start > now.high_watermark || now.high_watermark > now.durable_end ||
      now.durable_end > now.log_end) {
    world_.Fail("S1", fmt::format("{}: log start {}, high watermark {}, durable end {}, end {}",
                                  Where(region, partition), now.log_start.value(),
                                  now.high_watermark.value(), now.durable_end.value(),
                                  now.log_end.value()));
    return;
  }
  if (topic.is_mirror()) {
    const bool empty = now.log_start == now.high_watermark;
    if (!empty && !before.ever_owned && now.log_end > truth.history.end()) {
      world_.Fail("S3", fmt::format("{}: ends at {}, no owner has shown more than {}",
                                    Where(region, partition), now.log_end.value(),
                                    truth.history.end().value()));
      return;
    }
    CheckStartOfMirror(region, place, before, now, truth);
    return;
  }
  if (now.high_watermark < before.end) {
    world_.Fail("S1", fmt::format("{}: offsets up to {} were visible, now it ends at {}",
                                  Where(region, partition), before.end.value(),
                                  now.high_watermark.value()));
    return;
  }
  if (before.owned && now.log_start < before.start && !region.rolled_back()) {
    world_.Fail("S2",
                fmt::format("{}: records before {} were deleted, now it starts at {}",
                            Where(region, partition), before.start.value(), now.log_start.value()));
    return;
  }
  truth.start = std::max(truth.start, now.log_start);
}

void Oracle::Follow(Region& region, const broker::Topic& topic, const broker::Partition& partition,
                    Offset from, Offset end, History::Tip& tip) {
  Offset at = from;
  while (at < end && !world_.failure()) {
    const Offset before = at;
    const StatusOr<Bytes> bytes = ReadRecords(partition, at, kAll);
    Status status = bytes.status();
    for (BytesView rest = bytes.ok() ? BytesView(*bytes) : BytesView(); !rest.empty();) {
      const StatusOr<kafka::BatchView> batch = kafka::BatchView::Parse(rest);
      status = batch.status();
      if (!batch.ok() || batch->header().base_offset >= end) break;
      if (!FollowBatch(region, topic, partition, *batch, at, tip)) return;
      rest = rest.subspan(batch->bytes().size());
    }
    if (!status.ok() || at == before) {
      world_.Fail(topic.is_mirror() ? "S3" : "S1",
                  fmt::format("{}: can't be read at {}: {}", Where(region, partition),
                              before.value(), StatusMessage(status)));
    }
  }
}

// Every batch is one that an owner has shown, and stands behind the same one as there.
bool Oracle::FollowBatch(Region& region, const broker::Topic& topic,
                         const broker::Partition& partition, const kafka::BatchView& batch,
                         Offset& at, History::Tip& tip) {
  const kafka::BatchHeader& header = batch.header();
  Truth& truth = truths_[{topic.id, partition.identity().partition}];
  const BatchKey key{header.base_offset, header.leader_epoch};
  const bool first = !tip;
  if (header.next_offset() <= at) return true;  // Below the log's start.
  const bool continues = first ? header.base_offset <= at : header.base_offset == at;
  const History::Batch* known = truth.history.Find(key);
  const bool own = header.leader_epoch.owner() == region.ordinal();
  if (known == nullptr && continues && (!topic.is_mirror() || (recovering_ && own))) {
    Learn(region, partition, batch, tip);
    known = truth.history.Find(key);
  }
  if (world_.failure()) return false;
  const bool same = known != nullptr && std::ranges::equal(known->bytes, batch.bytes());
  const bool behind = first || (known != nullptr && (!known->before || known->before == tip));
  if (!same || !continues || !behind) {
    world_.Fail(topic.is_mirror() ? "S3" : "S1",
                fmt::format("{}: the batch at {} is [{}, {}) of epoch {}; {}",
                            Where(region, partition), at.value(), header.base_offset.value(),
                            header.next_offset().value(), header.leader_epoch.value(),
                            known == nullptr ? "its owner has another one"
                            : behind         ? "its owner has other bytes"
                                             : "it stands behind another one there"));
    return false;
  }
  // A restored store may know less than the log.
  if (topic.epoch < header.leader_epoch && !region.rolled_back()) {
    world_.Fail("S14", fmt::format("{}: has epoch {}, its batch at {} has {}",
                                   Where(region, partition), topic.epoch.value(),
                                   header.base_offset.value(), header.leader_epoch.value()));
    return false;
  }
  at = header.next_offset();
  tip = key;
  return true;
}

void Oracle::Learn(Region& region, const broker::Partition& partition,
                   const kafka::BatchView& batch, const History::Tip& tip) {
  const kafka::BatchHeader& header = batch.header();
  const Place place{partition.identity().topic_id, partition.identity().partition};
  Truth& truth = truths_[place];
  if (header.leader_epoch.owner() != region.ordinal() || !batch.CrcMatches()) {
    world_.Fail(batch.CrcMatches() ? "S7" : "S1",
                fmt::format("{}: appended a batch at {} under epoch {}, which is of region {}",
                            Where(region, partition), header.base_offset.value(),
                            header.leader_epoch.value(), header.leader_epoch.owner().value()));
    return;
  }
  // A tail that nobody had seen before the crash is of the process that died.
  const uint64_t session = region.session() - (recovering_ ? 1 : 0);
  const auto [known, is_new] = truth.session_of_epoch.emplace(header.leader_epoch, session);
  if (!region.rolled_back() && !recovering_ && known->second != session) {
    world_.Fail("S8", fmt::format("{}: epoch {} is used again after an unclean stop", region.name(),
                                  header.leader_epoch.value()));
    return;
  }
  if (is_new && truth.session_of_epoch.size() > 1) world_.Reach(Mark::kEpochRaised);
  const BatchKey key{header.base_offset, header.leader_epoch};
  truth.history.Add(key, {.bytes = CopyBytes(batch.bytes()),
                          .end = header.next_offset(),
                          .before = tip,
                          .visible = world_.clock.Now()});
  StatusOr<kafka::RecordReader> reader = kafka::RecordReader::Open(batch);
  kafka::Record record;
  while (reader.ok() && *reader->Next(record)) {
    const std::string value(AsText(*record.value));
    for (const History::Spot& spot : truth.history.SpotsOf(value)) {
      if (!truth.history.Has(tip, spot.batch)) continue;
      world_.Fail("S15", fmt::format("{}: '{}' is at {} and at {} of {}-{}", region.name(), value,
                                     spot.offset.value(), record.offset.value(),
                                     place.first.ToString(), place.second.value()));
      return;
    }
    truth.history.AddValue(value, {key, record.offset});
    const auto acked = truth.acked.find(value);
    if (acked == truth.acked.end() || acked->second.batch) continue;
    if (acked->second.offset != record.offset) continue;
    acked->second.batch = key;
    // Its region went down when it was acknowledged, and another one may own the topic since.
    const bool moved = stints_[place.first].region != region.ordinal().value();
    if (moved) JudgeLateAck(place, value, acked->second);
  }
}

void Oracle::CheckStartOfMirror(Region& region, const Place& place, const Copy& before,
                                const broker::PartitionOffsets& now, const Truth& truth) {
  if (!before.had_data) return;
  if (now.log_start > before.start && now.log_start > truth.start) {
    world_.Fail("S4", fmt::format("{}: a mirror trimmed up to {}, its owner never above {}",
                                  region.name(), now.log_start.value(), truth.start.value()));
    return;
  }
  const bool jumped = before.end > Offset(0) && now.log_start > before.end;
  if (jumped && !HasGapEvent(region, place, before.end, now.log_start)) {
    world_.Fail("S4", fmt::format("{}: offsets [{}, {}) are missing without a recorded gap",
                                  region.name(), before.end.value(), now.log_start.value()));
    return;
  }
}

bool Oracle::HasGapEvent(Region& region, const Place& place, Offset first, Offset end) {
  const auto events = region.process().events.List({.kind = checkpoint::EventKind::kGap,
                                                    .topic_id = place.first,
                                                    .partition = place.second,
                                                    .limit = 1000});
  if (!events.ok()) return false;
  return std::ranges::any_of(*events, [&](const checkpoint::Event& event) {
    return event.first <= first && event.end >= end;
  });
}

void Oracle::CheckPosition(Region& region, const broker::Topic& topic,
                           const broker::Partition& partition) {
  if (region.rolled_back()) return;  // A restored store may claim anything: the log wins.
  const auto position =
      region.process().mirrors.Position(topic.link, topic.id, partition.identity().partition);
  if (!position.ok() || !*position) return;
  const broker::PartitionOffsets offsets = partition.offsets();
  const Offset durable = offsets.durable_end;
  // An empty log may have begun anew a little lower, inside a batch of the source.
  if ((*position)->applied_end <= durable || offsets.log_start == offsets.log_end) return;
  world_.Fail("S6",
              fmt::format("{}: the checkpoint says {}, durable is {}", Where(region, partition),
                          (*position)->applied_end.value(), durable.value()));
}

// L4: what has not moved for 30 s though its source has more says that it does not, and why. What
// was named until now (an operator lets a halted one go on) has 30 s again.
void Oracle::CheckProgress(const MirrorDriver& driver, const Place& place,
                           const mirror::MirrorStatus& status, Offset source_end,
                           const std::string& where) {
  constexpr Duration kStalled = std::chrono::seconds(30);
  constexpr Duration kUnseen = std::chrono::seconds(1);
  const MonotonicTime now = world_.clock.Now();
  const uint64_t boot = driver.target().boot();
  Progress& last =
      progress_[{driver.target().ordinal().value(), driver.source().ordinal().value(), place}];
  // Not looked at for a while: another link's, or its source was no owner.
  const bool is_new = last.boot != boot || now - std::exchange(last.looked_at, now) > kUnseen;
  const bool moves = is_new || last.applied_end != status.applied_end ||
                     status.applied_end >= source_end ||
                     status.state == mirror::MirrorState::kPaused ||
                     driver.target().paused_for() > Duration::zero();
  if (moves) {
    last = {.boot = boot,
            .applied_end = status.applied_end,
            .since = now,
            .named_at = now,
            .looked_at = now};
    return;
  }
  const bool claims_to_run = status.state == mirror::MirrorState::kMirroring ||
                             status.state == mirror::MirrorState::kCaughtUp;
  if (!status.reason.empty() && !claims_to_run) last.named_at = now;
  if (now - last.since > kStalled) world_.Reach(Mark::kStalled);
  if (now - last.named_at <= kStalled) return;
  world_.Fail(
      "L4", fmt::format("{}: stands at {} for {:.1f} s, its source ends at {}; it says '{}'", where,
                        status.applied_end.value(), ToSeconds(now - last.since), source_end.value(),
                        status.reason));
}

void Oracle::CheckStatus(MirrorDriver& driver) {
  // An answer is as old as it was under way: until it is given up.
  constexpr double kEpsilon = 3.2;
  constexpr double kHeartbeatSeconds = 10;
  for (const auto& [key, slot] : driver.slots()) {
    const mirror::MirrorStatus status = driver.StatusOf(*slot);
    const auto found = truths_.find(key);
    const auto source = copies_.find({driver.source().ordinal().value(), key});
    // What moved to another link meanwhile is dropped with the next look at this one's source.
    const auto local = driver.target().process().catalog.view()->Find(key.first);
    const bool judged = found != truths_.end() && source != copies_.end() &&
                        !deleted_.contains(key.first) && slot->led && source->second.owned &&
                        local != nullptr && local->link == driver.plan().name;
    if (!judged) continue;
    const StatusOr<mirror::SinkEnd> sink = slot->sink->End();
    if (!sink.ok()) continue;
    const std::string where =
        fmt::format("{} {}-{} ({})", driver.plan().name.value(), slot->mirror.key().topic.value(),
                    key.second.value(), mirror::MirrorStateName(status.state));
    if (status.applied_end > sink->durable_end && sink->durable_end >= sink->log_start) {
      world_.Fail("S21", fmt::format("{}: says {} is durable here, {} is", where,
                                     status.applied_end.value(), sink->durable_end.value()));
      return;
    }
    if (status.source_end > source->second.most) {
      world_.Fail("S21",
                  fmt::format("{}: says the source ends at {}, it never showed more than {}", where,
                              status.source_end.value(), source->second.most.value()));
      return;
    }
    CheckProgress(driver, key, status, source->second.end, where);
    if (!status.lag.seconds || !calendar_) continue;
    const auto missing = found->second.history.OldestBeyond(source->second.tip, sink->durable_end);
    const double true_lag = missing ? ToSeconds(world_.clock.Now() - *missing) : 0;
    if (*status.lag.seconds + kHeartbeatSeconds + kEpsilon < true_lag) {
      world_.Fail("S21", fmt::format("{}: reports a lag of {:.3f} s, it is {:.3f} s", where,
                                     *status.lag.seconds, true_lag));
      return;
    }
  }
}

}  // namespace atl::sim
