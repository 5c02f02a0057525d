#include "tests/sim/mirror_driver.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/crc32c.h"

namespace atl::sim {
namespace {

using mirror::MirrorEvent;
using mirror::MirrorNeed;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kGiveUp = seconds(3);
constexpr size_t kMagicOffset = 16;  // Of a batch; what follows is the CRC and what it covers.

// What a mirror without CRC checks would take for good.
void MendCrcs(Bytes& records) {
  for (size_t at = 0; at + kafka::kBatchHeaderBytes <= records.size();) {
    const auto length = LoadBig<int32_t>(records.data() + at + kafka::kBatchLengthOffset);
    const size_t total = kafka::kBatchOverheadBytes + static_cast<size_t>(std::max(length, 0));
    if (length < 49 || at + total > records.size()) return;
    const BytesView covered =
        BytesView(records).subspan(at + kafka::kBatchCrcStart, total - kafka::kBatchCrcStart);
    StoreBig<uint32_t>(records.data() + at + 17, Crc32c(covered));
    at += total;
  }
}

int NodeOf(const Region& region) { return region.ordinal().value(); }

class SimApply final : public mirror::ApplyRequest {
 public:
  std::function<void(const mirror::ApplyItem&)> done;
  void Done() override { done(items.front()); }
};

}  // namespace

MirrorDriver::Slot::Slot(mirror::MirrorKey key, const MirrorDriver& driver)
    : mirror(std::move(key), driver.plan_.policy, driver.now().mono, driver.now().wall,
             driver.world_.random.Next()),
      fetch_bytes(driver.plan_.fetch_bytes) {}

MirrorDriver::MirrorDriver(World& world, Network& network, Region& self, Region& source,
                           const LinkPlan& plan, const LinkFaults& faults)
    : world_(world),
      network_(network),
      self_(self),
      source_(source),
      plan_(plan),
      faults_(faults),
      boot_(self.boot()) {}

mirror::PartitionMirror::Now MirrorDriver::now() const {
  return {world_.clock.Now(), world_.clock.WallNow()};
}

mirror::MirrorStatus MirrorDriver::StatusOf(const Slot& slot) const {
  mirror::MirrorStatus status = slot.mirror.status(now());
  if (world_.Plants(Mutation::kZeroWhenSilent) && status.lag.records == 0) status.lag.seconds = 0;
  if (world_.Plants(Mutation::kNamelessStall)) status.reason.clear();
  if (world_.Plants(Mutation::kClaimSourceEnd)) status.applied_end = status.source_end;
  return status;
}

void MirrorDriver::Start() {
  SyncTopics();
  Tick();
}

void MirrorDriver::LookSoon() {
  Region* const self = &self_;
  const uint64_t boot = boot_;
  world_.At(milliseconds(1), [this, self, boot] {
    if (self->up() && self->boot() == boot) AskTopics();
  });
}

void MirrorDriver::Tick() {
  if (!Alive()) return;
  if (self_.paused_for() > Duration::zero()) {
    world_.At(self_.paused_for(), [this, self = &self_, boot = boot_] {
      if (self->up() && self->boot() == boot) Tick();
    });
    return;
  }
  const Region::Running running(self_);
  std::vector<SlotKey> keys;
  for (const auto& [key, slot] : slots_) {
    keys.push_back(key);
    if (slot->request != 0 && world_.clock.Now() >= slot->give_up_at) {
      slot->request = 0;
      slot->mirror.OnSourceLost("no answer within 3 s", now());
    }
    slot->mirror.OnTick(now());
    if (slot->mirror.status(now()).state == mirror::MirrorState::kSourceUnavailable) {
      world_.Reach(Mark::kSourceSilent);
    }
  }
  for (const SlotKey& key : keys) Pump(key);
  world_.At(milliseconds(200), [this, self = &self_, boot = boot_] {
    if (self->up() && self->boot() == boot) Tick();
  });
}

void MirrorDriver::SyncTopics() {
  if (!Alive()) return;
  ForgetMoved();
  AskTopics();
  world_.At(milliseconds(1000), [this, self = &self_, boot = boot_] {
    if (self->up() && self->boot() == boot) SyncTopics();
  });
}

// What another link mirrors by now; also while the source is out of reach.
void MirrorDriver::ForgetMoved() {
  std::set<TopicId> moved;
  for (const auto& [key, slot] : slots_) {
    const auto local = self_.process().catalog.view()->Find(key.first);
    if (local != nullptr && local->is_mirror() && local->link != plan_.name)
      moved.insert(key.first);
  }
  for (const TopicId& topic : moved) Drop(topic);
}

void MirrorDriver::AskTopics() {
  Region* const self = &self_;
  const uint64_t boot = boot_;
  const int here = NodeOf(self_);
  const int there = NodeOf(source_);
  const auto arrived = [this, self, boot,
                        look = ++looks_](const std::vector<SourceTopicInfo>& topics) {
    if (!self->up() || self->boot() != boot || look < newest_look_) return;
    newest_look_ = look;  // A connection tells of no older look after a newer one.
    OnTopics(topics);
  };
  network_.Send(here, there, [here, there, arrived, source = &source_, network = &network_] {
    if (!source->up()) return;
    network->Send(there, here, [arrived, topics = ListTopics(*source)] { arrived(topics); });
  });
}

void MirrorDriver::OnTopics(const std::vector<SourceTopicInfo>& topics) {
  const Region::Running running(self_);
  std::set<TopicId> seen;
  for (const SourceTopicInfo& info : topics) {
    if (!self_.up()) return;
    seen.insert(info.topic.id);
    OnTopic(info);
  }
  const auto view = self_.process().catalog.view();
  for (auto& [key, slot] : slots_) {
    const bool gone = !seen.contains(slot->source_topic);
    if (gone && slot->led && !world_.Plants(Mutation::kMixGenerations)) {
      slot->mirror.OnTopicGone(now());
      world_.Reach(Mark::kRetired);
    }
  }
  self_.process().owners.Heard(RegionName(source_.name()));
}

void MirrorDriver::OnTopic(const SourceTopicInfo& info) {
  const auto decision = mirror::DecideTopic(*self_.process().catalog.view(), plan_.name,
                                            mirror::RegionKind::kAtoll, info.topic);
  switch (decision.action) {
    case mirror::TopicAction::kCreate:
      CreateMirror(info);
      return;
    case mirror::TopicAction::kMirror:
      RaiseEpoch(info.topic.id, info.topic.epoch);
      OpenSlots(*decision.local, info.topic.id);
      if (self_.up()) TellOwnership(*decision.local, info);
      return;
    case mirror::TopicAction::kGeneration:
      NextGeneration(*decision.local, info, decision.reason);
      return;
    case mirror::TopicAction::kFollow: {
      if (world_.Plants(Mutation::kKeepOwning)) return;
      const auto local =
          self_.process().owners.Follow(decision.local->id, info.topic.epoch, plan_.name);
      world_.Note("{}: follows {} to {}: {}", self_.name(), info.topic.name.value(), source_.name(),
                  StatusMessage(local.status()));
      if (!local.ok() || !self_.up()) return;
      world_.Reach(Mark::kFollowed);
      OpenSlots(**local, info.topic.id);
      if (self_.up()) TellOwnership(**local, info);
      return;
    }
    case mirror::TopicAction::kNotOwned:
    case mirror::TopicAction::kPromoted:
      OnLost(info);
      return;
    case mirror::TopicAction::kConflict:
      return;
  }
}

// Not pulled from here any more: it is ours, or another link's; or its owner is not known yet.
void MirrorDriver::OnLost(const SourceTopicInfo& info) {
  const auto local = self_.process().catalog.view()->Find(info.topic.id);
  if (local == nullptr || local->link != plan_.name) {
    Drop(info.topic.id);
    return;
  }
  for (auto& [key, slot] : slots_) {
    if (slot->source_topic != info.topic.id || !std::exchange(slot->led, false)) continue;
    slot->request = 0;
    slot->mirror.Relocate("the source's leader moved", now());
    slot->mirror.OnSourceLost("the source has no leader", now());
  }
}

void MirrorDriver::Drop(const TopicId& topic) {
  std::erase_if(slots_, [&](const auto& item) { return item.first.first == topic; });
}

void MirrorDriver::TellOwnership(const broker::Topic& local, const SourceTopicInfo& info) {
  const auto record = self_.process().owners.Find(local.id);
  for (auto& [key, slot] : slots_) {
    if (key.first != local.id) continue;
    if (!std::exchange(slot->led, true)) slot->mirror.Relocate("the source's leader moved", now());
    const LeaderEpoch epoch = std::max(local.epoch, info.topic.epoch);
    slot->mirror.OnOwnership(record ? mirror::OwnershipOf(*record, key.second, epoch)
                                    : mirror::Ownership{epoch, kNoEpoch, {}},
                             now());
  }
}

bool MirrorDriver::CreateMirror(const SourceTopicInfo& info) {
  broker::TopicSpec spec;
  spec.name = info.topic.name;
  spec.id = info.topic.id;
  spec.partition_count = info.partitions;
  spec.config = info.config;
  spec.epoch = info.topic.epoch;
  spec.owner = source_.ordinal();
  spec.link = plan_.name;
  const broker::CatalogOutcome outcome = self_.process().catalog.Create(spec);
  world_.Note("{}: creates mirror {} {}: {}", self_.name(), info.topic.name.value(),
              info.topic.id.ToString(), outcome.message);
  if (!outcome.ok() || !self_.up()) return false;
  OpenSlots(*outcome.topic, info.topic.id);
  return true;
}

void MirrorDriver::OpenSlots(const broker::Topic& local, const TopicId& source_topic) {
  for (size_t i = 0; i < local.partitions.size(); ++i) {
    const PartitionId partition(static_cast<int32_t>(i));
    const SlotKey key{local.id, partition};
    if (const auto found = slots_.find(key); found != slots_.end()) {
      found->second->source_topic = source_topic;
      continue;
    }
    auto sink = self_.process().sink.Open(plan_.name, local.id, partition);
    const auto position = self_.process().mirrors.Position(plan_.name, local.id, partition);
    if (!sink.ok() || !position.ok()) continue;
    auto slot = std::make_unique<Slot>(
        mirror::MirrorKey{
            .link = plan_.name, .topic = local.name, .topic_id = local.id, .partition = partition},
        *this);
    slot->sink = *std::move(sink);
    slot->source_topic = source_topic;
    slot->mirror.OnCheckpoint(*position ? std::optional((*position)->applied_end) : std::nullopt,
                              now());
    slots_[key] = std::move(slot);
    Pump(key);
    if (!self_.up()) return;
  }
}

void MirrorDriver::NextGeneration(const broker::Topic& local, const SourceTopicInfo& info,
                                  const std::string& reason) {
  world_.Reach(Mark::kGeneration);
  if (world_.Plants(Mutation::kMixGenerations)) {
    OpenSlots(local, info.topic.id);
    return;
  }
  const mirror::MirrorKey key{
      .link = plan_.name, .topic = local.name, .topic_id = local.id, .partition = PartitionId(-1)};
  const MirrorEvent event{.kind = MirrorEvent::Kind::kGeneration,
                          .first = kNoOffset,
                          .end = kNoOffset,
                          .epoch = local.epoch,
                          .cause = reason};
  if (!self_.process().events.Record(key, event, world_.clock.WallNow()).ok()) return;
  if (!self_.process().catalog.Freeze(local.id).ok()) return;
  std::erase_if(slots_, [&](const auto& item) { return item.first.first == local.id; });
  CreateMirror(info);
}

void MirrorDriver::Pump(const SlotKey& key) {
  // Each step answers one need; a few in a row are answered at once.
  for (int i = 0; i < 20 && self_.up(); ++i) {
    const auto found = slots_.find(key);
    if (found == slots_.end() || !Step(key, *found->second)) return;
  }
}

bool MirrorDriver::Step(const SlotKey& key, Slot& slot) {
  if (!SaveEvents(slot) || slot.sink_busy) return false;
  if (const auto start = slot.mirror.log_start_to_follow()) {
    FollowLogStart(key, slot, *start);
    return false;
  }
  const MirrorNeed need = slot.mirror.need();
  if (need == MirrorNeed::kNothing) return false;
  if (need == MirrorNeed::kSinkEnd) {
    slot.mirror.OnSinkEnd(slot.mirror.attempt(), slot.sink->End(), now());
    return true;
  }
  if (need == MirrorNeed::kRestart) {
    Restart(key, slot);
    return false;
  }
  if (need == MirrorNeed::kSetAside) {
    const uint64_t attempt = slot.mirror.attempt();
    slot.mirror.OnSetAside(attempt, SetAsideTail(key, slot), now());
    return true;
  }
  if (need == MirrorNeed::kTruncate) {
    Truncate(key, slot);
    return false;
  }
  if (slot.request != 0 || !slot.led || world_.clock.Now() < slot.ask_at) return false;
  const PartitionId partition = key.second;
  const TopicId topic = slot.source_topic;
  Region* const source = &source_;
  if (need == MirrorNeed::kEpochEnd) {
    const LeaderEpoch epoch = slot.mirror.last_epoch();
    Ask<EpochAnswer>(
        key, slot, [=] { return EndOfEpoch(*source, topic, partition, epoch); },
        [this](Slot& s, uint64_t attempt, const EpochAnswer& answer) {
          s.mirror.OnEpochEnd(attempt, answer.error, answer.end.epoch, answer.end.end, now());
        });
  } else if (need == MirrorNeed::kLastBatch) {
    AskFetch(key, slot, slot.mirror.last_batch_offset(), 100, false,
             [this](Slot& s, uint64_t attempt, const SourceAnswer& answer) {
               s.mirror.OnLastBatch(attempt, answer.error, answer.offsets, *answer.records, now());
             });
  } else if (need == MirrorNeed::kStart) {
    Ask<OffsetAnswer>(
        key, slot,
        [=, latest = plan_.from_latest] { return FirstOffset(*source, topic, partition, latest); },
        [this](Slot& s, uint64_t attempt, const OffsetAnswer& answer) {
          s.mirror.OnStart(attempt, answer.error, answer.offset, now());
        });
  } else {
    AskRecords(key, slot);
  }
  return false;
}

bool MirrorDriver::SaveEvents(Slot& slot) {
  for (MirrorEvent& event : slot.mirror.TakeEvents()) slot.unsaved.push_back(std::move(event));
  while (!slot.unsaved.empty()) {
    const MirrorEvent& event = slot.unsaved.front();
    const bool forgotten =
        world_.Plants(Mutation::kForgetGap) && event.kind == MirrorEvent::Kind::kGap;
    if (!forgotten &&
        !self_.process().events.Record(slot.mirror.key(), event, world_.clock.WallNow()).ok()) {
      return false;
    }
    world_.Note("{}: {}-{} event {} [{}, {}) {}", self_.name(), slot.mirror.key().topic.value(),
                slot.mirror.key().partition.value(), static_cast<int>(event.kind),
                event.first.value(), event.end.value(), event.cause);
    switch (event.kind) {
      case MirrorEvent::Kind::kGap: {
        const bool stops = plan_.policy.on_gap == mirror::MirrorPolicy::OnGap::kStop;
        world_.Reach(stops ? Mark::kGapStop : Mark::kGapSkip);
        break;
      }
      case MirrorEvent::Kind::kHalted:
        world_.Reach(Mark::kHalted);
        break;
      case MirrorEvent::Kind::kSkipped:
        world_.Reach(Mark::kOperatorSkip);
        break;
      default:
        break;
    }
    slot.unsaved.erase(slot.unsaved.begin());
  }
  return true;
}

template <class Answer>
void MirrorDriver::Ask(const SlotKey& key, Slot& slot, std::function<Answer()> ask,
                       std::function<void(Slot&, uint64_t, const Answer&)> answered) {
  const uint64_t request = slot.request = ++slot.requests;
  const uint64_t attempt = slot.mirror.attempt();
  slot.give_up_at = world_.clock.Now() + kGiveUp;
  const int here = NodeOf(self_);
  const int there = NodeOf(source_);
  const auto arrived = [=, this, self = &self_, boot = boot_](const Answer& answer) {
    if (!self->up() || self->boot() != boot) return;
    const auto found = slots_.find(key);
    if (found == slots_.end()) return;
    const Region::Running running(*self);
    Slot& s = *found->second;
    if (s.request == request) s.request = 0;
    if (s.mirror.attempt() != attempt) world_.Reach(Mark::kLateAnswer);
    answered(s, attempt, answer);
    Pump(key);
  };
  network_.Send(here, there, [=, source = &source_, network = &network_] {
    if (!source->up()) return;
    Answer answer = ask();
    if (!source->up()) return;
    network->Send(there, here, [arrived, answer = std::move(answer)] { arrived(answer); });
  });
}

void MirrorDriver::AskFetch(const SlotKey& key, Slot& slot, Offset offset, size_t bytes, bool cut,
                            std::function<void(Slot&, uint64_t, const SourceAnswer&)> answered) {
  Ask<SourceAnswer>(
      key, slot,
      [=, source = &source_, topic = slot.source_topic, asked = now().mono] {
        SourceAnswer answer = FetchRecords(*source, topic, key.second, offset, bytes, cut);
        answer.offsets.asked = asked;
        return answer;
      },
      std::move(answered));
}

void MirrorDriver::AskRecords(const SlotKey& key, Slot& slot) {
  AskFetch(key, slot, slot.mirror.fetch_offset(), slot.fetch_bytes, plan_.cuts_batches,
           [this, key](Slot& s, uint64_t attempt, const SourceAnswer& answer) {
             OnRecords(key, s, attempt, answer);
           });
}

void MirrorDriver::OnRecords(const SlotKey& key, Slot& slot, uint64_t attempt,
                             const SourceAnswer& answer) {
  if (!answer.records->empty() && world_.Chance(faults_.poison)) Poison(*answer.records);
  if (world_.Plants(Mutation::kSkipCrc)) MendCrcs(*answer.records);
  std::vector<kafka::BatchView> verified;
  const bool expected = slot.mirror.attempt() == attempt;
  slot.mirror.OnRecords(attempt, answer.error, answer.offsets, *answer.records, now(), verified);
  if (slot.mirror.wants_bigger_fetch()) {
    slot.fetch_bytes *= 2;
    world_.Reach(Mark::kCutBatch);
  }
  if (slot.mirror.need() == MirrorNeed::kRestart &&
      slot.mirror.restart_at() < answer.offsets.log_start) {
    world_.Reach(Mark::kStartInsideBatch);
  }
  if (expected && answer.records->empty()) slot.ask_at = world_.clock.Now() + milliseconds(200);
  if (verified.empty()) return;
  if (!RaiseEpoch(key.first, verified.back().header().leader_epoch)) {
    slot.mirror.Relocate("the epoch could not be raised", now());
    return;
  }
  if (world_.Plants(Mutation::kDropBatch) && verified.size() > 1) verified.erase(verified.begin());
  if (world_.Plants(Mutation::kCheckpointFirst)) {
    SavePosition(key, slot, verified.back().header().next_offset(), checkpoint::Sync::kLazy)
        .IgnoreError();
  }
  mirror::ApplyItem item;
  item.target = slot.sink;
  item.batches = std::move(verified);
  Apply(key, attempt, std::move(item), answer.records,
        [this, key](Slot& s, uint64_t a, const mirror::ApplyItem& done) {
          OnApplied(key, s, a, done);
        });
}

// S14: the catalogue knows an epoch before the log has a batch of it.
bool MirrorDriver::RaiseEpoch(const TopicId& topic, LeaderEpoch epoch) {
  broker::Catalog& catalog = self_.process().catalog;
  const auto local = catalog.view()->Find(topic);
  const bool known = local == nullptr || local->epoch >= epoch;
  if (known || world_.Plants(Mutation::kStaleEpoch)) return true;
  return catalog.SetEpoch(topic, epoch).ok();
}

void MirrorDriver::Apply(const SlotKey& key, uint64_t attempt, mirror::ApplyItem item,
                         std::shared_ptr<const void> bytes,
                         std::function<void(Slot&, uint64_t, const mirror::ApplyItem&)> done) {
  auto request = std::make_shared<std::unique_ptr<SimApply>>(std::make_unique<SimApply>());
  (*request)->items.push_back(std::move(item));
  (*request)->bytes = std::move(bytes);
  (*request)->done = [=, this, self = &self_, boot = boot_](const mirror::ApplyItem& applied) {
    if (!self->up() || self->boot() != boot) return;
    const auto found = slots_.find(key);
    if (found != slots_.end()) done(*found->second, attempt, applied);
  };
  self_.InNextTurn([self = &self_, request] { self->process().sink.Apply(std::move(*request)); });
}

void MirrorDriver::OnApplied(const SlotKey& key, Slot& slot, uint64_t attempt,
                             const mirror::ApplyItem& item) {
  if (!item.status.ok()) {
    world_.Reach(Mark::kSinkError);
    world_.Note("{}: {}-{} apply fails: {}", self_.name(), slot.mirror.key().topic.value(),
                key.second.value(), StatusMessage(item.status));
  }
  if (slot.mirror.OnApplied(attempt, item.status, item.durable_end, now())) {
    SavePosition(key, slot, item.durable_end, checkpoint::Sync::kLazy).IgnoreError();
    if (world_.Plants(Mutation::kTrimEarly)) FollowLogStart(key, slot, item.durable_end);
  }
  if (slot.mirror.status(now()).state == mirror::MirrorState::kCaughtUp) {
    world_.Reach(Mark::kCaughtUp);
  }
  world_.At(Duration::zero(), [this, key, self = &self_, boot = boot_] {
    if (!self->up() || self->boot() != boot) return;
    const Region::Running running(*self);
    Pump(key);
  });
}

Status MirrorDriver::SavePosition(const SlotKey& key, const Slot& slot, Offset applied_end,
                                  checkpoint::Sync sync) {
  const mirror::MirrorStatus status = slot.mirror.status(now());
  const checkpoint::MirrorPosition position{.link = plan_.name,
                                            .topic = key.first,
                                            .partition = key.second,
                                            .applied_end = applied_end,
                                            .source_end = status.source_end,
                                            .source_epoch = slot.mirror.last_epoch(),
                                            .source_topic = slot.source_topic,
                                            .time = world_.clock.WallNow(),
                                            .state = checkpoint::MirrorState::kMirroring,
                                            .reason = {}};
  return self_.process().mirrors.PutPosition(position, sync);
}

// One changed byte that a CRC, a length or the magic can tell, in one of the batches. (The base
// offset and the epoch lie outside the CRC: for those the transport answers.)
void MirrorDriver::Poison(Bytes& records) {
  std::vector<std::pair<size_t, size_t>> batches;
  for (size_t at = 0; at < records.size();) {
    const auto batch = kafka::BatchView::Parse(BytesView(records).subspan(at));
    if (!batch.ok()) break;
    batches.emplace_back(at, batch->bytes().size());
    at += batch->bytes().size();
  }
  if (batches.empty()) return;
  const auto [start, size] = batches[world_.random.Below(batches.size())];
  const size_t at = start + kMagicOffset + world_.random.Below(size - kMagicOffset);
  records[at] ^= std::byte(1 + world_.random.Below(255));
  world_.Reach(Mark::kPoison);
  world_.Note("{}: poisons byte {} of an answer", self_.name(), at);
}

}  // namespace atl::sim
