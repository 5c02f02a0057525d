// A topic's way from one owner to another: the fence at the old owner, the new epoch at the new
// one.
#include <algorithm>

#include "base/failpoint.h"
#include "base/logging.h"
#include "mirror/ownership/owners.h"

namespace atl::mirror {
namespace {

constexpr size_t kRememberedAttempts = 1000;
constexpr Duration kLongestFence = std::chrono::minutes(10);

Failpoint epoch_persisted("own.epoch_persisted");
// At the old owner.
Failpoint owner_fenced("own.owner_fenced");
Failpoint owner_released("own.owner_released");
Failpoint owner_lifted("own.owner_lifted");

}  // namespace

using checkpoint::OwnershipState;

// --- The old owner ---

std::string Owners::FenceTopic(const FenceRequest::Topic& asked, const RegionName& by,
                               FenceAnswer::Topic& answer) {
  const std::optional<Record> record = Find(asked.topic);
  answer.topic = asked.topic;
  if (!record) return "no such topic here";
  answer.epoch = record->epoch;
  const auto topic = room_.catalog.view()->Find(asked.topic);
  if (topic->is_mirror() || record->owner != room_.ordinal) {
    return fmt::format("this region does not own it: {} does, at epoch {}",
                       record->owner_name.value(), record->epoch.value());
  }
  if (record->epoch != asked.epoch) {
    return fmt::format("the request knows epoch {}, the topic is at {}", asked.epoch.value(),
                       record->epoch.value());
  }
  if (room_.gate.HeldAs(asked.topic).has_value()) return room_.gate.HeldBecause(asked.topic);
  room_.gate.Hold(asked.topic, HoldKind::kFenced,
                  fmt::format("`{}` is moving to {}", record->name.value(), by.value()));
  return {};
}

FenceAnswer Owners::Fence(const RegionName& by, const FenceRequest& request) {
  MutexLock change(&change_);
  if (const auto known = attempts_.find(request.attempt); known != attempts_.end()) {
    return known->second.answer;  // Repeated: answers the same.
  }
  Attempt attempt{.by = by, .answer = {}, .deadline = {}, .released = false};
  attempt.deadline =
      room_.clock.Now() + std::clamp(request.deadline, Duration::zero(), kLongestFence);
  bool refused = false;
  const bool over = std::ranges::find(over_, request.attempt) != over_.end();
  std::vector<TopicId> fenced;
  for (const FenceRequest::Topic& asked : request.topics) {
    FenceAnswer::Topic& answer = attempt.answer.topics.emplace_back();
    answer.refusal = over ? "the attempt is over" : FenceTopic(asked, by, answer);
    answer.topic = asked.topic;
    if (answer.refusal.empty()) fenced.push_back(asked.topic);
    refused = refused || !answer.refusal.empty();
  }
  if (!refused) {
    const auto ends = room_.catalog.SettledEnds(fenced);
    for (size_t i = 0; i < fenced.size(); ++i) {
      FenceAnswer::Topic& answer = attempt.answer.topics[i];
      if (ends.ok()) answer.ends = (*ends)[i];
      if (!ends.ok()) answer.refusal = std::string(StatusMessage(ends.status()));
    }
    refused = !ends.ok();
  }
  if (refused) {  // All or nothing.
    for (const TopicId& topic : fenced) room_.gate.Release(topic);
    return attempt.answer;
  }
  LogInfo("ownership", "attempt {}: {} topics are fenced for {}", request.attempt.ToString(),
          fenced.size(), by.value());
  owner_fenced.Pass();
  return attempts_.emplace(request.attempt, std::move(attempt)).first->second.answer;
}

Status Owners::Release(const Uuid& id) {
  MutexLock change(&change_);
  const auto found = attempts_.find(id);
  if (found == attempts_.end()) {
    return FailedPrecondition("attempt {} has no fence here (any more)", id.ToString());
  }
  Attempt& attempt = found->second;
  if (attempt.released) return OkStatus();
  Batch batch;
  std::vector<Record> records;
  for (const FenceAnswer::Topic& topic : attempt.answer.topics) {
    std::optional<Record> record = Find(topic.topic);
    if (!record) return FailedPrecondition("topic {} was deleted", topic.topic.ToString());
    record->state = OwnershipState::kFenced;
    record->attempt = id;
    record->reason = fmt::format(
        "`{}` was handed over to {} (attempt {}) and waits for its word; should that never come, "
        "`atoll ownership adopt {}` takes it back",
        record->name.value(), attempt.by.value(), id.ToString(), record->name.value());
    checkpoint::OwnershipTable::StagePut(batch, *record);
    records.push_back(*std::move(record));
  }
  RETURN_IF_ERROR(room_.table.Write(batch, checkpoint::Sync::kNow));
  attempt.released = true;
  for (Record& record : records) {
    room_.gate.Hold(record.topic, HoldKind::kFenced, record.reason);
    Keep(std::move(record));
  }
  return owner_released.Hit();
}

Status Owners::Lift(const Uuid& id) {
  MutexLock change(&change_);
  const auto found = attempts_.find(id);
  if (found == attempts_.end()) {
    // Inert; and a fence of this attempt that comes late stays without effect.
    if (std::ranges::find(over_, id) == over_.end()) over_.push_back(id);
    return OkStatus();
  }
  if (found->second.released) {
    Batch batch;
    std::vector<Record> records;
    for (const FenceAnswer::Topic& topic : found->second.answer.topics) {
      std::optional<Record> record = Find(topic.topic);
      if (!record || record->attempt != id) continue;
      if (found->second.restarted) {
        // No start raised the epoch, lest it passed the one of the move. One of them may have come
        // after an unclean stop, and an orderly one after it doesn't undo that.
        const auto local = room_.catalog.view()->Find(topic.topic);
        RETURN_IF_ERROR(Rise(*local, record->epoch, "a planned move was rolled back"));
        continue;
      }
      record->state = OwnershipState::kServing;
      record->attempt = Uuid();
      record->reason = "a planned move was rolled back";
      checkpoint::OwnershipTable::StagePut(batch, *record);
      records.push_back(*std::move(record));
    }
    RETURN_IF_ERROR(room_.table.Write(batch, checkpoint::Sync::kNow));
    for (Record& record : records) Keep(std::move(record));
  }
  RETURN_IF_ERROR(owner_lifted.Hit());
  LogInfo("ownership", "attempt {}: rolled back, its fence is lifted", id.ToString());
  EndAttempt(id);
  return OkStatus();
}

void Owners::EndAttempt(const Uuid& id) {
  const auto found = attempts_.find(id);
  if (found == attempts_.end()) return;
  for (const FenceAnswer::Topic& topic : found->second.answer.topics) {
    if (room_.gate.HeldAs(topic.topic) == HoldKind::kFenced) room_.gate.Release(topic.topic);
  }
  attempts_.erase(found);
  over_.push_back(id);
  if (over_.size() > kRememberedAttempts) over_.erase(over_.begin());
}

// The topic has an owner again: the attempts that fenced it have nothing more to do with it.
void Owners::ForgetFences(const TopicId& topic) {
  std::vector<Uuid> over;
  for (auto& [id, attempt] : attempts_) {
    std::erase_if(attempt.answer.topics,
                  [&](const FenceAnswer::Topic& fenced) { return fenced.topic == topic; });
    if (attempt.answer.topics.empty()) over.push_back(id);
  }
  for (const Uuid& id : over) EndAttempt(id);
}

// --- The new owner ---

void Owners::BeginPromotion(std::span<const TopicId> topics) {
  for (const TopicId& topic : topics) {
    room_.gate.Hold(topic, HoldKind::kPromoting, "this region is taking the topic over");
  }
}

void Owners::CancelPromotion(std::span<const TopicId> topics) {
  for (const TopicId& topic : topics) {
    if (room_.gate.HeldAs(topic) == HoldKind::kPromoting) room_.gate.Release(topic);
  }
}

StatusOr<std::vector<Owners::Record>> Owners::Mint(std::span<const TopicId> topics, int32_t steps,
                                                   const LinkName& link, std::string reason,
                                                   const Also& also) {
  MutexLock change(&change_);
  ASSIGN_OR_RETURN(const auto ends, room_.catalog.SettledEnds(topics));
  std::vector<Record> minted;
  for (size_t i = 0; i < topics.size(); ++i) {
    std::optional<Record> record = Find(topics[i]);
    if (!record) return NotFound("no topic {}", topics[i].ToString());
    // A batch may carry a later epoch than the record: nothing may fall behind it.
    LeaderEpoch above = record->epoch;
    const auto topic = room_.catalog.view()->Find(topics[i]);
    for (const auto& partition : topic->partitions) {
      above = std::max(above, partition->last_epoch());
    }
    record->epoch = above.Next(room_.ordinal, steps);
    record->owner = room_.ordinal;
    record->owner_name = room_.region;
    record->state = OwnershipState::kPromoting;
    record->attempt = Uuid();
    record->cut = ends[i];
    record->lineage.push_back({record->epoch, record->owner, record->cut});
    record->link = link;
    record->reason = reason;
    record->time = room_.clock.WallNow();
    minted.push_back(*std::move(record));
  }
  Batch batch;
  also(minted, batch);
  RETURN_IF_ERROR(Transfer(minted, LinkName(), std::move(batch)));
  RETURN_IF_ERROR(epoch_persisted.Hit());
  return minted;
}

Status Owners::Serve(std::span<const TopicId> topics) {
  MutexLock change(&change_);
  Batch batch;
  std::vector<Record> records;
  for (const TopicId& topic : topics) {
    std::optional<Record> record = Find(topic);
    // Another region may have taken it meanwhile, at a higher epoch.
    if (!record || record->owner != room_.ordinal) continue;
    record->state = OwnershipState::kServing;
    checkpoint::OwnershipTable::StagePut(batch, *record);
    records.push_back(*std::move(record));
  }
  RETURN_IF_ERROR(room_.table.Write(batch, checkpoint::Sync::kNow));
  for (Record& record : records) {
    const TopicId topic = record.topic;
    Keep(std::move(record));
    if (room_.gate.HeldAs(topic) == HoldKind::kPromoting) room_.gate.Release(topic);
  }
  return OkStatus();
}

StatusOr<Owners::Record> Owners::Adopt(const TopicId& id) {
  MutexLock change(&change_);
  const auto topic = room_.catalog.view()->Find(id);
  if (topic == nullptr) return NotFound("no topic {}", id.ToString());
  if (topic->is_mirror()) {
    return FailedPrecondition(
        "`{}` is a mirror here: `atoll failover plan --link {} {}` takes it "
        "over",
        topic->name.value(), topic->link.value(), topic->name.value());
  }
  const std::optional<HoldKind> held = room_.gate.HeldAs(id);
  if (!held) return *Find(id);
  if (*held == HoldKind::kPromoting) {
    return FailedPrecondition("`{}` is being taken over: see `atoll failover list`",
                              topic->name.value());
  }
  RETURN_IF_ERROR(Rise(*topic,
                       std::max(Find(id)->epoch, topic->epoch).Next(room_.ordinal, kForcedSteps),
                       "an operator said that this region owns it"));
  ForgetFences(id);
  asking_.erase(id);
  room_.gate.Release(id);
  return *Find(id);
}

}  // namespace atl::mirror
