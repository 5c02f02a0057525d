// Offsets: commits become durable, then readable, then announced, then acknowledged. Whatever
// depends on the offsets that are stored is decided on the log's thread, behind all earlier writes.
#include <algorithm>

#include "core-broker/group/coordinator.h"
#include "core-broker/group/subscription.h"

namespace atl::broker {

using kafka::ErrorCode;

namespace {

// What a client is told when the store failed: it may try again.
constexpr ErrorCode kStoreError = ErrorCode::kCoordinatorNotAvailable;

void FillNone(Coordinator::Errors& errors, ErrorCode error) {
  for (ErrorCode& one : errors) {
    if (one == ErrorCode::kNone) one = error;
  }
}

std::vector<CommittedOffset> AllOf(const GroupId& id, const GroupOffsets& offsets,
                                   const CommittedOffsets::TopicPredicate& wanted) {
  std::vector<CommittedOffset> all;
  for (const auto& [topic, partitions] : offsets.topics()) {
    if (wanted && !wanted(topic)) continue;
    for (const auto& [partition, stored] : partitions) {
      all.push_back(OffsetChange{id, topic, partition, stored}.ToCommitted());
    }
  }
  return all;
}

}  // namespace

void Coordinator::ApplyDurable(std::span<const LogEntry> entries) {
  std::vector<CommittedOffset> announced;
  std::vector<Listener> listeners;
  {
    MutexLock lock(&mutex_);
    for (const LogEntry& entry : entries) {
      for (const OffsetChange& change : entry.offsets) {
        // A removal must not bring back a group that is gone.
        Group* group = change.value ? &FindOrMake(change.group) : Find(change.group);
        if (group != nullptr) group->offsets.Apply(change);
        if (entry.announced) announced.push_back(change.ToCommitted());
      }
      for (const GroupId& removed : entry.removed_groups) groups_.erase(removed);
    }
    if (!announced.empty()) listeners = listeners_;
  }
  for (const Listener& listener : listeners) listener(announced);
}

void Coordinator::CommitOffsets(Commit commit, std::function<void(Errors)> done) {
  After after;
  Errors errors(commit.items.size(), ErrorCode::kNone);
  {
    MutexLock lock(&mutex_);
    const Instant at = Now();
    Group* group = Find(commit.group);
    ErrorCode refused = ErrorCode::kNone;
    if (!IsGroupId(commit.group) && (commit.generation >= 0 || !commit.group.empty())) {
      refused = ErrorCode::kInvalidGroupId;
    } else if (group == nullptr && commit.generation >= 0) {
      refused = ErrorCode::kIllegalGeneration;
    } else if (group != nullptr) {
      refused = group->state.AdmitCommit(commit.member, commit.generation, at);
    }
    FillNone(errors, refused);
    LogEntry entry;
    for (size_t i = 0; refused == ErrorCode::kNone && i < commit.items.size(); ++i) {
      CommitItem& item = commit.items[i];
      if (item.metadata.size() > config_.max_metadata_bytes) {
        errors[i] = ErrorCode::kOffsetMetadataTooLarge;
      } else if (item.offset < Offset(0)) {
        errors[i] = ErrorCode::kInvalidRequest;
      } else {
        StoredOffset stored{item.offset, item.epoch, std::move(item.metadata), at.wall, {}, false};
        if (commit.retention) stored.expires = at.wall + *commit.retention;
        entry.offsets.push_back(
            {commit.group, std::move(item.topic), item.partition, std::move(stored)});
      }
    }
    if (entry.offsets.empty()) {
      after.calls.emplace_back([done, errors] { done(errors); });
    } else {
      entry.done = [done = std::move(done), errors](const Status& status) {
        Errors answer = errors;
        if (!status.ok()) FillNone(answer, kStoreError);
        done(std::move(answer));
      };
      Enqueue(std::move(entry), after);
    }
  }
  Release(after);
}

std::optional<StoredOffset> Coordinator::FetchOffset(const GroupId& id, const TopicName& topic,
                                                     PartitionId partition) const {
  MutexLock lock(&mutex_);
  const Group* group = Find(id);
  const StoredOffset* stored = group == nullptr ? nullptr : group->offsets.Find(topic, partition);
  return stored == nullptr ? std::nullopt : std::optional(*stored);
}

std::vector<CommittedOffset> Coordinator::FetchOffsets(const GroupId& id) const {
  MutexLock lock(&mutex_);
  const Group* group = Find(id);
  if (group == nullptr) return {};
  return AllOf(id, group->offsets, {});
}

// The group is Dead already; its rows go.
void Coordinator::RemoveWhole(Group& group, LogEntry& entry) {
  const GroupId& id = group.state.id();
  for (const auto& [topic, partitions] : group.offsets.topics()) {
    for (const auto& [partition, stored] : partitions) {
      entry.offsets.push_back({id, topic, partition, std::nullopt});
    }
  }
  entry.removed_groups.push_back(id);
}

void Coordinator::Revive(const std::vector<GroupId>& groups) {
  MutexLock lock(&mutex_);
  for (const GroupId& id : groups) {
    if (Group* group = Find(id); group != nullptr) group->state.Revive();
  }
}

void Coordinator::DeleteGroups(const std::vector<GroupId>& groups,
                               std::function<void(Errors)> done) {
  After after;
  Errors errors;
  std::vector<GroupId> killed;
  {
    MutexLock lock(&mutex_);
    for (const GroupId& id : groups) {
      Group* group = Find(id);
      ErrorCode error = ErrorCode::kNone;
      if (group == nullptr || group->state.phase() == GroupPhase::kDead)
        error = ErrorCode::kGroupIdNotFound;
      else if (!group->state.Kill())
        error = ErrorCode::kNonEmptyGroup;
      else
        killed.push_back(id);
      errors.push_back(error);
    }
    LogEntry entry;
    entry.prepare = [this, killed](LogEntry& self) {
      MutexLock relock(&mutex_);
      for (const GroupId& id : killed) {
        if (Group* group = Find(id); group != nullptr) RemoveWhole(*group, self);
      }
    };
    entry.done = [this, killed, errors, done = std::move(done)](const Status& status) {
      Errors answer = errors;
      if (!status.ok()) {
        Revive(killed);
        FillNone(answer, kStoreError);
      }
      done(std::move(answer));
    };
    Enqueue(std::move(entry), after);
  }
  Release(after);
}

void Coordinator::DeleteOffsets(const GroupId& id, const std::vector<TopicPartition>& items,
                                std::function<void(ErrorCode, Errors)> done) {
  After after;
  Errors errors(items.size(), ErrorCode::kNone);
  {
    MutexLock lock(&mutex_);
    const Group* group = Find(id);
    ErrorCode whole = ErrorCode::kNone;
    const bool is_gone = group == nullptr || group->state.phase() == GroupPhase::kDead;
    const bool live = !is_gone && group->state.phase() != GroupPhase::kEmpty;
    if (is_gone)
      whole = ErrorCode::kGroupIdNotFound;
    else if (live && group->state.protocol_type() != kConsumerProtocolType)
      whole = ErrorCode::kNonEmptyGroup;
    LogEntry entry;
    for (size_t i = 0; whole == ErrorCode::kNone && i < items.size(); ++i) {
      const auto& [topic, partition] = items[i];
      if (live && group->state.SubscribesTo(topic))
        errors[i] = ErrorCode::kGroupSubscribedToTopic;
      else
        entry.offsets.push_back({id, topic, partition, std::nullopt});
    }
    if (entry.offsets.empty()) {
      after.calls.emplace_back([done, whole, errors] { done(whole, errors); });
    } else {
      entry.done = [done = std::move(done), errors](const Status& status) {
        done(status.ok() ? ErrorCode::kNone : kStoreError, errors);
      };
      Enqueue(std::move(entry), after);
    }
  }
  Release(after);
}

void Coordinator::ForgetTopics(std::function<bool(const TopicName&)> gone) {
  After after;
  {
    MutexLock lock(&mutex_);
    LogEntry entry;
    entry.prepare = [this, gone = std::move(gone)](LogEntry& self) {
      MutexLock relock(&mutex_);
      for (const auto& [id, group] : groups_) {
        for (const auto& [topic, partitions] : group->offsets.topics()) {
          if (!gone(topic)) continue;
          for (const auto& [partition, stored] : partitions) {
            self.offsets.push_back({id, topic, partition, std::nullopt});
          }
        }
      }
    };
    Enqueue(std::move(entry), after);
  }
  Release(after);
}

// A group that has lost its last offset and has nobody goes with it.
void Coordinator::ExpireOffsets() {
  After after;
  {
    MutexLock lock(&mutex_);
    LogEntry entry;
    const auto killed = std::make_shared<std::vector<GroupId>>();
    entry.prepare = [this, killed](LogEntry& self) {
      MutexLock relock(&mutex_);
      const WallTime now = clock_.WallNow();
      for (const auto& [id, group] : groups_) {
        std::vector<OffsetChange> expired =
            group->offsets.Expired(group->state, config_.offsets_retention, now);
        size_t left = 0;
        for (const auto& [topic, partitions] : group->offsets.topics()) left += partitions.size();
        if (expired.size() == left && group->storing == 0 && group->state.Kill()) {
          killed->push_back(id);
          RemoveWhole(*group, self);
        } else {
          std::move(expired.begin(), expired.end(), std::back_inserter(self.offsets));
        }
      }
    };
    entry.done = [this, killed](const Status& status) {
      if (!status.ok()) Revive(*killed);
    };
    Enqueue(std::move(entry), after);
  }
  Release(after);
}

void Coordinator::OnCommitted(Listener listener) {
  MutexLock lock(&mutex_);
  listeners_.push_back(std::move(listener));
}

std::vector<CommittedOffset> Coordinator::Committed(const TopicPredicate& wanted) const {
  std::vector<CommittedOffset> all;
  MutexLock lock(&mutex_);
  for (const auto& [id, group] : groups_) {
    std::vector<CommittedOffset> some = AllOf(id, group->offsets, wanted);
    std::move(some.begin(), some.end(), std::back_inserter(all));
  }
  return all;
}

PlaceOutcome Coordinator::PlaceOne(const CommittedOffset& item, PlaceMode mode, LogEntry& entry) {
  const Group* group = Find(item.group);
  const bool active = group != nullptr && !group->state.members().empty();
  if (active && mode != PlaceMode::kCut) return PlaceOutcome::kGroupActive;
  const StoredOffset* stored =
      group == nullptr ? nullptr : group->offsets.Find(item.topic, item.partition);
  if (item.is_tombstone()) {
    if (stored == nullptr) return PlaceOutcome::kPlaced;
    if (mode == PlaceMode::kForward && !stored->synced) return PlaceOutcome::kNotNewer;
    entry.offsets.push_back({item.group, item.topic, item.partition, std::nullopt});
    return PlaceOutcome::kPlaced;
  }
  if (stored != nullptr && stored->offset == item.offset && stored->metadata == item.metadata) {
    return PlaceOutcome::kPlaced;
  }
  if (stored != nullptr && mode == PlaceMode::kForward && stored->offset > item.offset) {
    return PlaceOutcome::kNotNewer;
  }
  StoredOffset value{item.offset, item.epoch, item.metadata, item.committed, {}, true};
  entry.offsets.push_back({item.group, item.topic, item.partition, std::move(value)});
  return PlaceOutcome::kPlaced;
}

// A member that joins between the decision and the sync reads the older offset and goes on from
// there: it reads again, it skips nothing, and its next commit counts.
StatusOr<std::vector<PlaceOutcome>> Coordinator::Place(std::span<const CommittedOffset> items,
                                                       PlaceMode mode) {
  for (const CommittedOffset& item : items) {
    if (!IsGroupId(item.group) || item.offset < kNoOffset || item.partition < PartitionId(0)) {
      return InvalidArgument("group {}, {}-{}: offset {}", item.group.value(), item.topic.value(),
                             item.partition.value(), item.offset.value());
    }
  }
  std::vector<PlaceOutcome> outcomes;
  LogEntry entry;
  entry.announced = false;
  entry.prepare = [this, items, mode, &outcomes](LogEntry& self) {
    MutexLock lock(&mutex_);
    for (const CommittedOffset& item : items) outcomes.push_back(PlaceOne(item, mode, self));
  };
  RETURN_IF_ERROR(Write(std::move(entry), After()));
  return outcomes;
}

StatusOr<size_t> Coordinator::RemoveReaders(const TopicName& topic) {
  size_t removed = 0;
  After after;
  {
    MutexLock lock(&mutex_);
    for (const auto& [id, group] : groups_) {
      GroupState& state = group->state;
      const bool subscribed =
          state.protocol_type() == kConsumerProtocolType && state.SubscribesTo(topic);
      if (state.members().empty() || (!subscribed && !group->offsets.topics().contains(topic))) {
        continue;
      }
      removed += state.members().size();
      Effects effects;
      state.RemoveAll(Now(), effects);
      Carry(*group, std::move(effects), after);
    }
  }
  RETURN_IF_ERROR(Write(LogEntry(), std::move(after)));
  return removed;
}

Status Coordinator::Write(LogEntry entry, After after) {
  struct Waiting {
    Mutex mutex;
    CondVar written;
    std::optional<Status> status;
  };
  const auto waiting = std::make_shared<Waiting>();
  entry.done = [waiting](const Status& status) {
    MutexLock lock(&waiting->mutex);
    waiting->status = status;
    waiting->written.SignalAll();
  };
  {
    MutexLock lock(&mutex_);
    Enqueue(std::move(entry), after);
  }
  Release(after);
  MutexLock lock(&waiting->mutex);
  while (!waiting->status) waiting->written.Wait(&waiting->mutex);
  return *waiting->status;
}

std::vector<GroupActivity> Coordinator::Activity() const {
  std::vector<GroupActivity> all;
  MutexLock lock(&mutex_);
  for (const auto& [id, group] : groups_) {
    all.push_back({id, std::string(PhaseName(group->state.phase())), group->state.protocol_type(),
                   static_cast<int>(group->state.members().size())});
  }
  return all;
}

GroupView Coordinator::ViewOf(const Group& group, bool with_members) const {
  const GroupState& state = group.state;
  GroupView view;
  view.activity = {state.id(), std::string(PhaseName(state.phase())), state.protocol_type(),
                   static_cast<int>(state.members().size())};
  view.generation = state.generation();
  view.protocol = state.protocol();
  view.leader = state.leader();
  if (with_members) {
    for (const auto& [id, member] : state.members()) view.members.push_back(member);
  }
  view.offsets = AllOf(state.id(), group.offsets, {});
  return view;
}

std::optional<GroupView> Coordinator::View(const GroupId& id) const {
  MutexLock lock(&mutex_);
  const Group* group = Find(id);
  if (group == nullptr) return std::nullopt;
  return ViewOf(*group, true);
}

std::vector<GroupView> Coordinator::Views() const {
  std::vector<GroupView> views;
  MutexLock lock(&mutex_);
  for (const auto& [id, group] : groups_) views.push_back(ViewOf(*group, false));
  return views;
}

}  // namespace atl::broker
