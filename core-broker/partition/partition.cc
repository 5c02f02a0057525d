#include "core-broker/partition/partition.h"

#include <algorithm>

#include "base/failpoint.h"
#include "base/logging.h"
#include "core-broker/log/retention.h"

namespace atl::broker {
namespace {

Failpoint start_advanced("retention.start_advanced");
Failpoint unlinked("retention.unlinked");
Failpoint state_saved("state.saved");
Failpoint index_written("append.index_written");

constexpr Duration kSaveAge = std::chrono::seconds(60);
constexpr Duration kFirstRetry = std::chrono::seconds(1);
constexpr Duration kLastRetry = std::chrono::seconds(30);

}  // namespace

Partition::Partition(const PartitionContext& context, Identity identity, std::string folder,
                     const PartitionConfig& config)
    : context_(context),
      identity_(std::move(identity)),
      folder_(std::move(folder)),
      config_(config),
      saved_at_(context.clock.Now()),
      offsets_{kNoOffset, kNoOffset, kNoOffset, kNoOffset, kNoOffset},
      end_{kNoOffset, kNoOffset, FilePosition(0)},
      listeners_(std::make_shared<const Listeners>()) {}

Partition::~Partition() = default;

// --- Shard ---

void Partition::TakeOffline(const Status& status) {
  if (!failure_.ok()) return;
  failure_ = status;
  retry_after_ = kFirstRetry;
  retry_at_ = context_.clock.Now() + retry_after_;
  const bool full = status.code() == StatusCode::kResourceExhausted;
  std::string reason = fmt::format("{}{}", full ? "no space left: " : "", StatusMessage(status));
  LogError("partition", "{}: offline: {}", folder_, reason);
  {
    MutexLock lock(&mutex_);
    offline_reason_ = std::move(reason);
  }
  Notify();
}

Status Partition::SaveState(checkpoint::Sync sync) {
  RETURN_IF_ERROR(failure_);
  if (!dirty_) return OkStatus();
  const Offset end = writer_->end();
  if (offsets().durable_end < end) {
    if (const Status synced = writer_->SyncActive(); !synced.ok()) {
      TakeOffline(synced);
      return synced;
    }
    MutexLock lock(&mutex_);
    offsets_.durable_end = end;
  }
  RETURN_IF_ERROR(writer_->FlushIndexes());
  RETURN_IF_ERROR(index_written.Hit());
  checkpoint::PartitionState state{.topic = identity_.topic_id,
                                   .partition = identity_.partition,
                                   .log_start = kNoOffset,
                                   .recovery_point = end,
                                   .epochs = {}};
  checkpoint::PartitionSnapshot transactions{end, {}};
  {
    MutexLock lock(&mutex_);
    state.log_start = offsets_.log_start;
    for (const EpochStart& start : epochs_.chain()) {
      state.epochs.push_back({start.epoch, start.start});
    }
    transactions.bytes = transactions_.Encode();
  }
  const checkpoint::PartitionSnapshot producers{end, producers_.Encode(context_.clock.Now())};
  checkpoint::WriteBatch batch;
  checkpoint::PartitionStateTable::StagePut(batch, state);
  checkpoint::PartitionStateTable::StageProducers(batch, identity_.topic_id, identity_.partition,
                                                  producers);
  checkpoint::PartitionStateTable::StageTransactions(batch, identity_.topic_id, identity_.partition,
                                                     transactions);
  RETURN_IF_ERROR(context_.states.Write(batch, sync));
  dirty_ = false;
  saved_end_ = end;
  unsaved_bytes_ = ByteCount(0);
  saved_at_ = context_.clock.Now();
  return state_saved.Hit();
}

kafka::ErrorCode Partition::AdvanceLogStart(Offset before) {
  const PartitionOffsets now = offsets();
  if (!failure_.ok()) return kafka::ErrorCode::kKafkaStorageError;
  const Offset start = before == kNoOffset ? now.high_watermark : before;
  if (start > now.high_watermark || start < Offset(0)) return kafka::ErrorCode::kOffsetOutOfRange;
  if (start <= now.log_start) return kafka::ErrorCode::kNone;
  const Status moved = MoveLogStart(start);
  if (moved.ok()) return kafka::ErrorCode::kNone;
  LogWarning("partition", "{}: log start not moved to {}: {}", folder_, start.value(),
             StatusMessage(moved));
  return kafka::ErrorCode::kKafkaStorageError;
}

// Durable, then visible, then the files go. The whole state is saved, not the start alone: a
// recovery point below what is about to be unlinked would lose the producers between the two.
Status Partition::MoveLogStart(Offset start) {
  Offset before;
  {
    MutexLock lock(&mutex_);
    before = offsets_.log_start;
    offsets_.log_start = start;
  }
  dirty_ = true;
  Status saved = SaveState(checkpoint::Sync::kNow);
  if (saved.ok()) saved = start_advanced.Hit();
  if (!saved.ok()) {
    MutexLock lock(&mutex_);
    offsets_.log_start = before;
    return saved;
  }
  {
    MutexLock lock(&mutex_);
    epochs_.TruncateBefore(start);
    transactions_.TruncateBefore(start);
    offsets_.last_stable = std::max(offsets_.last_stable, start);
  }
  Notify();
  const Status trimmed = writer_->TrimBefore(start);
  if (!trimmed.ok()) LogWarning("partition", "{}: {}", folder_, StatusMessage(trimmed));
  return unlinked.Hit();
}

Status Partition::ApplyRetention() {
  // What a turn has staged would be written by the roll: later.
  if (!failure_.ok() || !staged_.empty()) return OkStatus();
  const auto segments = writer_->segments();
  std::vector<SegmentFacts> facts;
  for (size_t i = 0; i < segments.size(); ++i) {
    const bool active = i + 1 == segments.size();
    ASSIGN_OR_RETURN(const TimeEntry largest, segments[i]->largest());
    facts.push_back({.end = active ? writer_->end() : segments[i + 1]->base(),
                     .size = segments[i]->size(),
                     .largest = largest.timestamp});
  }
  const RetentionRules rules{config_.log.retention_time, config_.log.retention_bytes};
  const size_t expired = ExpiredSegments(facts, rules, ToTimestamp(context_.clock.WallNow()),
                                         offsets().high_watermark);
  if (expired == 0) return OkStatus();
  if (expired == segments.size()) {
    if (const Status rolled = writer_->Roll(); !rolled.ok()) {
      TakeOffline(rolled);
      return rolled;
    }
    MutexLock lock(&mutex_);
    end_ = writer_->EndPoint();
  }
  LogInfo("partition", "{}: retention removes {} of {} segments, the log starts at {}", folder_,
          expired, segments.size(), facts[expired - 1].end.value());
  return MoveLogStart(facts[expired - 1].end);
}

bool Partition::Tick(bool retention, bool may_save) {
  const MonotonicTime now = context_.clock.Now();
  if (!failure_.ok()) {
    if (now < retry_at_ || failure_.code() == StatusCode::kCancelled) return false;
    const Status reopened = Reopen();
    retry_after_ = std::min(retry_after_ * 2, kLastRetry);
    retry_at_ = now + retry_after_;
    return true;
  }
  writer_->CloseIdle();
  if (producers_.Expire(now)) dirty_ = true;
  if (retention) {
    const Status applied = ApplyRetention();
    if (!applied.ok()) LogWarning("partition", "{}: {}", folder_, StatusMessage(applied));
  }
  if (!may_save || !dirty_ || now - saved_at_ < kSaveAge) return false;
  const Status saved = SaveState(checkpoint::Sync::kLazy);
  if (!saved.ok())
    LogWarning("partition", "{}: state not saved: {}", folder_, StatusMessage(saved));
  return true;
}

void Partition::SetConfig(const PartitionConfig& config) {
  const bool was_fsync = fsync();
  config_ = config;
  if (!failure_.ok()) return;
  writer_->SetConfig(config.log);
  if (was_fsync || !fsync() || offsets().durable_end == offsets().high_watermark) return;
  // From now on nothing is visible that is not durable.
  if (const Status synced = writer_->SyncActive(); !synced.ok()) {
    TakeOffline(synced);
    return;
  }
  MutexLock lock(&mutex_);
  offsets_.durable_end = offsets_.high_watermark;
}

void Partition::Close() {
  failure_ = Cancelled("the partition is closed");
  {
    MutexLock lock(&mutex_);
    closed_ = true;
    offline_reason_ = "the partition is closed";
    log_.reset();
  }
  Notify();
}

// --- Any ---

Partition::View Partition::Look() const {
  MutexLock lock(&mutex_);
  return {log_, offsets_, end_, closed_};
}

PartitionOffsets Partition::offsets() const {
  MutexLock lock(&mutex_);
  return offsets_;
}

EpochEnd Partition::EndOfEpoch(LeaderEpoch epoch) const {
  MutexLock lock(&mutex_);
  return epochs_.EndOf(epoch, offsets_.high_watermark);
}

std::optional<Offset> Partition::PositionOf(Offset next, LeaderEpoch epoch,
                                            LeaderEpoch current) const {
  MutexLock lock(&mutex_);
  return epochs_.PositionOf(next, epoch, current, offsets_.high_watermark);
}

std::vector<EpochStart> Partition::epochs() const {
  MutexLock lock(&mutex_);
  return {epochs_.chain().begin(), epochs_.chain().end()};
}

int Partition::open_transactions() const {
  MutexLock lock(&mutex_);
  return static_cast<int>(transactions_.OpenProducers().size());
}

LeaderEpoch Partition::last_epoch() const {
  MutexLock lock(&mutex_);
  return epochs_.last();
}

ByteCount Partition::size_bytes() const {
  const View view = Look();
  return view.log == nullptr ? ByteCount(0) : view.log->size_bytes();
}

std::string Partition::offline_reason() const {
  MutexLock lock(&mutex_);
  return offline_reason_;
}

// The list is replaced, never changed: a walk over it needs no lock.
void Partition::Listen(std::shared_ptr<PartitionListener> listener, uint64_t token) {
  MutexLock lock(&mutex_);
  auto listeners = std::make_shared<Listeners>(*listeners_);
  listeners->push_back({std::move(listener), token});
  listeners_ = std::move(listeners);
}

void Partition::Unlisten(const PartitionListener& listener) {
  MutexLock lock(&mutex_);
  auto listeners = std::make_shared<Listeners>(*listeners_);
  std::erase_if(*listeners, [&](const Listening& l) { return l.listener.get() == &listener; });
  listeners_ = std::move(listeners);
}

void Partition::Notify() const {
  std::shared_ptr<const Listeners> listeners;
  {
    MutexLock lock(&mutex_);
    listeners = listeners_;
  }
  for (const Listening& l : *listeners) l.listener->OnProgress(l.token);
}

}  // namespace atl::broker
