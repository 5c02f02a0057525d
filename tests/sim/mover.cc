#include "tests/sim/mover.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "mirror/ownership/move_rules.h"
#include "mirror/pull/history_end.h"

namespace atl::sim {
namespace {

using checkpoint::FailoverOutcome;
using mirror::FenceAnswer;
using mirror::FenceRequest;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Those of mirror/failovers.cc and failover_steps.cc, whose places these are.
Failpoint intent_logged("own.intent_logged");
Failpoint fence_sent("own.fence_sent");
Failpoint fence_acked("own.fence_acked");
Failpoint drained("own.drained");
Failpoint groups_synced("own.groups_synced");
Failpoint released("own.released");
Failpoint peer_told("own.peer_told");
Failpoint transactions_aborted("own.transactions_aborted");
Failpoint groups_placed("own.groups_placed");
Failpoint first_accept("own.first_accept");
Failpoint lifted("own.lifted");

// What a request that only succeeds or fails is answered with.
struct Outcome {
  Status status;
};

using mirror::kDrainLook;
using mirror::kFenceAnswer;
using mirror::kFenceMargin;
using mirror::kLiftAnswer;
using mirror::kTellAnswer;
constexpr Duration kRetryAfter = milliseconds(200);
constexpr int kMostLifts = 60;
constexpr Duration kLiftAgain = seconds(1);

// As if an owner that was just heard accepted nothing from then on.
void BoundByLastHeard(checkpoint::FailoverRecord& record) {
  for (auto& topic : record.topics) {
    for (auto& partition : topic.partitions) partition.lost_at_most = partition.lost_known;
  }
}

}  // namespace

Mover::Operation::Operation(Record r, mirror::Promotion p, MonotonicTime now)
    : record(std::move(r)), promotion(std::move(p)), began(now) {
  for (const auto& topic : record.topics) ids.push_back(topic.id);
}

Mover::Mover(World& world, Control& control, Region& self)
    : world_(world), control_(control), self_(self) {}

void Mover::Start() {
  const auto records = self_.process().failover_table.List();
  if (!records.ok()) return;
  for (const Record& record : *records) {
    if (record.outcome != FailoverOutcome::kRunning) continue;
    world_.Note("{}: move {} goes on at step {}", self_.name(), record.id,
                checkpoint::FailoverStepName(record.step));
    world_.Reach(Mark::kMoveResumed);
    auto operation = std::make_shared<Operation>(
        record, mirror::Promotion::Resume(record.mode, record.step), world_.clock.Now());
    operation->source = control_.Named(record.source);
    (void)busy_.Take(operation->ids);
    ++running_;
    self_.After(Duration::zero(), [this, operation] { Carry(operation); });
  }
}

mirror::PlanInput Mover::Look(MirrorDriver& driver, const Request& request) const {
  mirror::PlanInput input;
  input.mode = request.mode;
  input.link = driver.plan().name;
  input.source = RegionName(driver.source().name());
  input.target = RegionName(self_.name());
  input.force = request.force;
  input.now = world_.clock.WallNow();
  input.control_configured = true;
  input.control_connected = control_.Connected(self_, driver.source());
  std::map<TopicName, mirror::PlanTopic> topics;
  const auto view = self_.process().catalog.view();
  for (const auto& [key, slot] : driver.slots()) {
    const auto local = view->Find(key.first);
    const bool wanted = local != nullptr && local->link == input.link && !local->frozen &&
                        std::ranges::find(request.topics, local->name) != request.topics.end();
    if (!wanted) continue;
    const mirror::MirrorStatus status = slot->mirror.status(driver.now());
    mirror::PlanTopic& topic = topics[local->name];
    topic.name = local->name;
    topic.id = local->id;
    mirror::PlanPartition& partition = topic.partitions.emplace_back();
    partition.mirror = mirror::MakeRow(slot->mirror.key(), status);
    partition.local_end =
        local->partitions[static_cast<size_t>(key.second.value())]->offsets().high_watermark;
    if (status.last_contact &&
        (!input.last_contact || *input.last_contact < *status.last_contact)) {
      input.last_contact = status.last_contact;
    }
  }
  input.in_contact = input.last_contact && input.now - *input.last_contact < mirror::kHeartbeat;
  for (auto& [name, topic] : topics) {
    topic.owner = *self_.process().owners.Find(topic.id);
    topic.held = self_.process().owners.HeldBecause(topic.id);
    input.topics.push_back(topic);
  }
  return input;
}

std::string Mover::Run(MirrorDriver& driver, const Request& request) {
  const mirror::PlanInput input = Look(driver, request);
  const mirror::FailoverPlan plan = mirror::MakePlan(input);
  for (const mirror::PlanFinding& finding : plan.findings) {
    if (finding.blocking) return finding.code;
  }
  Record record;
  record.attempt = Uuid::Generate(world_.random);
  record.mode = request.mode;
  record.link = plan.link;
  record.source = plan.source;
  record.target = plan.target;
  record.plan_hash = plan.hash;
  record.started = input.now;
  mirror::Promotion promotion(request.mode);
  record.step = promotion.next();
  std::vector<TopicId> ids;
  for (const mirror::PlanTopic& topic : input.topics) {
    checkpoint::FailoverTopic& moved = record.topics.emplace_back();
    moved.id = topic.id;
    moved.name = topic.name;
    moved.old_epoch = topic.owner.epoch;
    ids.push_back(topic.id);
    for (const mirror::PlanPartition& partition : topic.partitions) {
      moved.partitions.emplace_back().source_end = partition.mirror.source_end.value_or(kNoOffset);
    }
  }
  if (busy_.Take(ids)) return "another move has one of these topics in hand";
  const StatusOr<int64_t> id = self_.process().failover_table.Create(record);
  const Status logged = id.ok() ? intent_logged.Hit() : id.status();
  if (!logged.ok()) {
    busy_.Free(ids);
    return std::string(StatusMessage(logged));
  }
  record.id = *id;
  auto operation = std::make_shared<Operation>(std::move(record), promotion, world_.clock.Now());
  operation->source = &driver.source();
  operation->deadline = operation->began + request.deadline;
  operation->in_contact = input.in_contact;
  world_.Note("{}: move {} ({}) of {} topics from {} begins", self_.name(), *id,
              checkpoint::FailoverModeName(request.mode), ids.size(), driver.source().name());
  ++running_;
  self_.After(Duration::zero(), [this, operation] { Carry(operation); });
  return {};
}

// --- The loop ---

void Mover::Carry(const OperationPtr& operation) {
  const Step step = operation->promotion.next();
  if (step == Step::kOver) return Finish(operation);
  const bool minted = operation->promotion.minted();
  Execute(operation, step, [this, operation, step, minted](const Status& status) {
    if (self_.up()) OnStep(operation, step, minted, status);
  });
}

void Mover::OnStep(const OperationPtr& operation, Step step, bool minted, const Status& status) {
  mirror::Promotion& promotion = operation->promotion;
  Duration pause = world_.Between(Duration::zero(), milliseconds(2));
  if (status.ok()) {
    promotion.OnDone();
    if (step == Step::kRelease) released_(*operation->source);
  } else if (step == Step::kLift && ++operation->lifts < kMostLifts) {
    pause = kLiftAgain;
  } else if (minted && WasLost(*operation)) {
    promotion.OnLost("another region has taken the topics over at a higher epoch");
    world_.Reach(Mark::kMoveLost);
  } else {
    world_.Note("{}: move {}: {}: {}", self_.name(), operation->record.id,
                checkpoint::FailoverStepName(step), StatusMessage(status));
    promotion.OnFailed(std::string(StatusMessage(status)));
    if (minted) pause = kRetryAfter;
  }
  self_.After(pause, [this, operation] { Carry(operation); });
}

void Mover::Execute(const OperationPtr& operation, Step step, const Done& done) {
  const bool late = step <= Step::kMint && operation->record.mode == Mode::kPromote &&
                    step != Step::kDrain && world_.clock.Now() >= operation->deadline;
  if (late) return done(DeadlineExceeded("the move did not finish by its deadline"));
  switch (step) {
    case Step::kFence:
      return Fence(operation, done);
    case Step::kDrain:
      return Drain(operation, done);
    case Step::kRelease:
      return Release(operation, done);
    case Step::kMint:
      return done(Mint(*operation));
    case Step::kTell:
      return Tell(operation, done);
    case Step::kAbort:
      return done(Abort(*operation));
    case Step::kServe:
      return done(Serve(*operation));
    case Step::kLift:
      return Lift(operation, done);
    case Step::kGroups:
      return SyncGroups(operation, done);
    case Step::kPlaceGroups:
      return done(PlaceGroups(*operation));
    case Step::kOver:
      return done(OkStatus());
  }
}

bool Mover::WasLost(const Operation& operation) const {
  return std::ranges::any_of(operation.ids, [&](const TopicId& id) {
    const auto owner = self_.process().owners.Find(id);
    return owner.has_value() && owner->owner_name.value() != self_.name();
  });
}

void Mover::Finish(const OperationPtr& operation) {
  Record& record = operation->record;
  record.step = Step::kOver;
  record.outcome = operation->promotion.outcome();
  record.reason = operation->promotion.reason();
  record.finished = world_.clock.WallNow();
  if (record.outcome != FailoverOutcome::kDone) {
    self_.process().owners.CancelPromotion(operation->ids);
  }
  if (!self_.process().failover_table.Put(record, checkpoint::Sync::kNow).ok()) {
    return self_.After(kRetryAfter, [this, operation] { Finish(operation); });
  }
  busy_.Free(operation->ids);
  --running_;
  ended_.push_back(record);
  if (record.outcome == FailoverOutcome::kDone) reported_(record);
  if (record.outcome == FailoverOutcome::kRolledBack) world_.Reach(Mark::kRolledBack);
  world_.Note("{}: move {}: {} {}", self_.name(), record.id,
              checkpoint::FailoverOutcomeName(record.outcome), record.reason);
}

// --- The steps ---

void Mover::Fence(const OperationPtr& operation, const Done& done) {
  const Record& record = operation->record;
  FenceRequest request;
  request.attempt = record.attempt;
  request.deadline = operation->deadline - world_.clock.Now() + kFenceMargin;
  for (const auto& topic : record.topics) request.topics.push_back({topic.id, topic.old_epoch});
  operation->unavailable_since = world_.clock.Now();
  if (world_.Plants(Mutation::kMintBeforeFence)) return done(OkStatus());
  if (const Status sent = fence_sent.Hit(); !sent.ok()) return done(sent);
  control_.Call<FenceAnswer>(
      self_, *operation->source, kFenceAnswer,
      [request, by = RegionName(self_.name())](Region& peer) {
        return peer.process().owners.Fence(by, request);
      },
      [this, operation, done](const StatusOr<FenceAnswer>& answer) {
        done(answer.ok() ? OnFenced(*operation, *answer) : answer.status());
      });
}

Status Mover::OnFenced(Operation& operation, const FenceAnswer& answer) {
  for (size_t i = 0; i < answer.topics.size(); ++i) {
    const FenceAnswer::Topic& told = answer.topics[i];
    checkpoint::FailoverTopic& topic = operation.record.topics[i];
    if (!told.refusal.empty()) return FailedPrecondition("the fence is refused: {}", told.refusal);
    topic.partitions.resize(told.ends.size());
    for (size_t p = 0; p < told.ends.size(); ++p) topic.partitions[p].source_end = told.ends[p];
  }
  return fence_acked.Hit();
}

void Mover::Drain(const OperationPtr& operation, const Done& done) {
  const bool planned = operation->record.mode == Mode::kPromote;
  if (!planned ||
      mirror::IsDrained(self_.process().catalog, self_.process().owners, operation->record) ||
      world_.Plants(Mutation::kSkipDrain)) {
    return done(drained.Hit());
  }
  if (world_.clock.Now() >= operation->deadline) {
    return done(DeadlineExceeded("the mirror did not reach the old owner's end in time"));
  }
  self_.After(kDrainLook, [this, operation, done] { Drain(operation, done); });
}

void Mover::SyncGroups(const OperationPtr& operation, const Done& done) {
  mirror::GroupsRequest request;
  for (const auto& topic : operation->record.topics) request.topics.push_back(topic.name);
  control_.Call<mirror::GroupsAnswer>(
      self_, *operation->source, kFenceAnswer,
      [request, ids = operation->ids, read = groups_read_](Region& peer) {
        read(peer, ids);
        return peer.process().group_sync->Groups(request);
      },
      [this, operation, done](const StatusOr<mirror::GroupsAnswer>& answer) {
        if (!answer.ok()) return done(answer.status());
        const Status synced =
            world_.Plants(Mutation::kSkipGroups)
                ? OkStatus()
                : self_.process().group_sync->SyncNow(operation->record.link, answer->commits);
        if (!synced.ok()) world_.Reach(Mark::kGroupsRefused);
        done(synced.ok() ? groups_synced.Hit() : synced);
      });
}

// A request about the attempt that only succeeds or fails; `point` stands behind its success.
void Mover::AskOwner(const OperationPtr& operation, Duration deadline,
                     Status (mirror::Owners::*what)(const Uuid&), Failpoint& point,
                     const Done& done) {
  control_.Call<Outcome>(
      self_, *operation->source, deadline,
      [what, attempt = operation->record.attempt](Region& peer) {
        return Outcome{(peer.process().owners.*what)(attempt)};
      },
      [&point, done](const StatusOr<Outcome>& answer) {
        const Status outcome = answer.ok() ? answer->status : answer.status();
        done(outcome.ok() ? point.Hit() : outcome);
      });
}

void Mover::Release(const OperationPtr& operation, const Done& done) {
  if (world_.Plants(Mutation::kMintBeforeFence)) return done(OkStatus());
  AskOwner(operation, kFenceAnswer, &mirror::Owners::Release, released, done);
}

Status Mover::Mint(Operation& operation) {
  Record& record = operation.record;
  mirror::Owners& owners = self_.process().owners;
  owners.BeginPromotion(operation.ids);
  const bool planned = record.mode == Mode::kPromote;
  const auto also = [&](const std::vector<checkpoint::OwnershipRecord>& minted,
                        checkpoint::WriteBatch& batch) {
    mirror::NoteMinted(minted, record);
    if (world_.Plants(Mutation::kBoundInContact) && operation.in_contact) BoundByLastHeard(record);
    Record stored = record;
    stored.step = Step::kTell;
    checkpoint::FailoverTable::StagePut(batch, stored);
  };
  const auto minted = owners.Mint(operation.ids, planned ? 1 : mirror::kForcedSteps, record.link,
                                  fmt::format("move {}", record.id), also);
  if (!minted.ok()) owners.CancelPromotion(operation.ids);
  return minted.status();
}

void Mover::Tell(const OperationPtr& operation, const Done& done) {
  Control::Records records;
  for (const TopicId& id : operation->ids) {
    if (auto record = self_.process().owners.Find(id)) records.push_back(*std::move(record));
  }
  const auto broadcast = [this, records, done] {
    control_.Broadcast(self_, records);
    done(peer_told.Hit());
  };
  if (operation->record.mode == Mode::kFailover) return broadcast();
  control_.Call<bool>(
      self_, *operation->source, kTellAnswer,
      [control = &control_, self = &self_, records](Region& peer) {
        control->Merge(peer, *self, records);  // Runs there, when this mover may be gone.
        return true;
      },
      [broadcast](const StatusOr<bool>&) { broadcast(); });
}

Status Mover::Abort(Operation& operation) {
  RETURN_IF_ERROR(self_.process().catalog.AbortOpenTransactions(operation.ids).status());
  return transactions_aborted.Hit();
}

Status Mover::PlaceGroups(Operation& operation) {
  for (const auto& topic : operation.record.topics) {
    for (size_t p = 0; p < topic.partitions.size(); ++p) {
      const PartitionId partition(static_cast<int32_t>(p));
      RETURN_IF_ERROR(self_.process()
                          .group_sync->ClampTo(topic.name, partition, topic.partitions[p].cut)
                          .status());
    }
  }
  return groups_placed.Hit();
}

Status Mover::Serve(Operation& operation) {
  if (WasLost(operation)) return FailedPrecondition("lost to a higher epoch");
  RETURN_IF_ERROR(self_.process().owners.Serve(operation.ids));
  if (operation.unavailable_since != MonotonicTime{}) {
    operation.record.unavailable = world_.clock.Now() - operation.unavailable_since;
  }
  return first_accept.Hit();
}

void Mover::Lift(const OperationPtr& operation, const Done& done) {
  self_.process().owners.CancelPromotion(operation->ids);
  if (world_.Plants(Mutation::kForgetLift)) return done(OkStatus());
  AskOwner(operation, kLiftAnswer, &mirror::Owners::Lift, lifted, done);
}

}  // namespace atl::sim
