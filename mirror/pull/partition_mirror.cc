#include "mirror/pull/partition_mirror.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "mirror/watch/lag.h"

namespace atl::mirror {
namespace {

using kafka::ErrorCode;

constexpr Duration kFirstRetry = std::chrono::milliseconds(100);
constexpr Duration kLongestRetry = std::chrono::seconds(10);
constexpr Duration kProgressPatience = std::chrono::seconds(30);  // L4.

std::string_view NeedName(MirrorNeed need) {
  switch (need) {
    case MirrorNeed::kNothing:
      return "what is in flight";
    case MirrorNeed::kSinkEnd:
      return "the target's log end";
    case MirrorNeed::kEpochEnd:
      return "the source's answer on our last epoch";
    case MirrorNeed::kLastBatch:
      return "the source's copy of our last batch";
    case MirrorNeed::kStart:
      return "the source's answer on where to start";
    case MirrorNeed::kRestart:
      return "the target's log to begin anew";
    case MirrorNeed::kRecords:
      return "records of the source";
    case MirrorNeed::kSetAside:
      return "records that the source's history does not have to be set aside";
    case MirrorNeed::kTruncate:
      return "the target's log to be truncated";
  }
  return "";
}

// The source moved, restarts or does not know the partition yet: nothing is wrong with its data.
bool IsMove(ErrorCode error) {
  switch (error) {
    case ErrorCode::kUnknownTopicOrPartition:
    case ErrorCode::kLeaderNotAvailable:
    case ErrorCode::kNotLeaderOrFollower:
    case ErrorCode::kReplicaNotAvailable:
    case ErrorCode::kFencedLeaderEpoch:
    case ErrorCode::kUnknownLeaderEpoch:
    case ErrorCode::kOffsetNotAvailable:
    case ErrorCode::kUnknownTopicId:
    case ErrorCode::kInconsistentTopicId:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::string PartitionMirror::SinkReason(const Status& status) {
  const std::string_view message = StatusMessage(status);
  switch (status.code()) {
    case StatusCode::kResourceExhausted:
      return fmt::format("the target's disk is full, nothing is dropped: {}", message);
    case StatusCode::kFailedPrecondition:
      return fmt::format("the target refused: {}", message);
    default:
      return fmt::format("the target failed: {}", message);
  }
}

PartitionMirror::PartitionMirror(MirrorKey key, MirrorPolicy policy, MonotonicTime now,
                                 WallTime wall, uint64_t jitter_seed)
    : key_(std::move(key)),
      policy_(policy),
      backoff_(kFirstRetry, kLongestRetry, Random(jitter_seed)),
      since_(wall),
      progress_at_(now) {}

MirrorNeed PartitionMirror::need() const {
  if (paused_ || retry_at_ || Stopped()) return MirrorNeed::kNothing;
  if (need_ == MirrorNeed::kRecords && handed_over_bytes_ >= policy_.apply_window) {
    return MirrorNeed::kNothing;
  }
  return need_;
}

Offset PartitionMirror::last_batch_offset() const {
  return sink_.last_batch ? sink_.last_batch->base_offset : kNoOffset;
}
Offset PartitionMirror::fetch_offset() const { return std::max(next_, ask_from_); }
Offset PartitionMirror::restart_at() const { return restart_at_; }

std::optional<MonotonicTime> PartitionMirror::wake_at() const {
  return paused_ || Stopped() ? std::nullopt : retry_at_;
}

bool PartitionMirror::Stopped() const {
  switch (state_) {
    case MirrorState::kHalted:
    case MirrorState::kGap:
    case MirrorState::kDiverged:
    case MirrorState::kConflict:
    case MirrorState::kRetired:
    case MirrorState::kPromoted:
      return true;
    default:
      return false;
  }
}

void PartitionMirror::Enter(MirrorState state, std::string reason, Now now) {
  if (state != state_) since_ = now.wall;
  state_ = state;
  reason_ = std::move(reason);
}

// What is in flight becomes inert.
void PartitionMirror::Drop() {
  ++attempt_;
  handed_over_.clear();
  handed_over_bytes_ = ByteCount(0);
  wants_bigger_fetch_ = false;
  need_ = MirrorNeed::kSinkEnd;
  retry_at_.reset();
}

void PartitionMirror::Retry(MirrorState state, std::string reason, Now now) {
  Drop();
  retry_at_ = now.mono + backoff_.Next();
  if (state == MirrorState::kSourceUnavailable) lag_.OnLost();
  Enter(state, std::move(reason), now);
}

// What was handed over before still counts: the attempt goes on.
void PartitionMirror::Stop(MirrorState state, MirrorEvent event, Now now) {
  need_ = MirrorNeed::kNothing;
  retry_at_.reset();
  Enter(state, event.cause, now);
  events_.push_back(std::move(event));
}

void PartitionMirror::Hear(const SourceOffsets& source, Now now) {
  source_ = source;
  lag_.OnContact(source.high_watermark, source.asked, now.wall - (now.mono - source.asked));
}

bool PartitionMirror::Refused(ErrorCode error, std::string_view what, Now now) {
  if (error == ErrorCode::kNone) return false;
  const MirrorState state =
      IsMove(error) ? MirrorState::kLocating : MirrorState::kSourceUnavailable;
  Retry(state, fmt::format("the source answers {} to {}", kafka::ErrorName(error), what), now);
  return true;
}

void PartitionMirror::OnRecords(uint64_t attempt, ErrorCode error, const SourceOffsets& source,
                                BytesView records, Now now,
                                std::vector<kafka::BatchView>& verified) {
  if (!Listens(attempt) || need_ != MirrorNeed::kRecords || retry_at_) return;
  const bool out_of_range = error == ErrorCode::kOffsetOutOfRange;
  if (!out_of_range && Refused(error, "a fetch", now)) return;
  if (!SourceCovers(source, now)) return;
  if (out_of_range) {
    Retry(MirrorState::kLocating,
          fmt::format("the source says that offset {} is out of its range [{}, {})",
                      fetch_offset().value(), source.log_start.value(),
                      source.high_watermark.value()),
          now);
    return;
  }
  const size_t before = verified.size();
  Verified answer = VerifyBatches(records, {.next = next_, .epoch = verified_epoch_},
                                  source.high_watermark, verified);
  wants_bigger_fetch_ = answer.cut;
  HandOverBatches(std::span(verified).subspan(before), answer.bytes);
  if (answer.overlap) {
    OnOverlap(*answer.overlap, now);
  } else if (answer.bad && !LeaveOutBadBatch()) {
    Halt(next_, *answer.bad, now);
  } else {
    NoteRunning(now);
  }
}

void PartitionMirror::HandOverBatches(std::span<const kafka::BatchView> batches, ByteCount bytes) {
  if (batches.empty()) return;
  const kafka::BatchHeader& first = batches.front().header();
  const kafka::BatchHeader& last = batches.back().header();
  Timestamp newest = kNoTimestamp;
  for (const kafka::BatchView& batch : batches) {
    newest = std::max(newest, batch.header().max_timestamp);
  }
  handed_over_.push_back({.end = last.next_offset(),
                          .bytes = bytes,
                          .oldest = first.base_timestamp,
                          .newest = newest});
  handed_over_bytes_ += bytes;
  lag_.OnPulled(bytes, last.next_offset() - first.base_offset);
  next_ = last.next_offset();
  verified_epoch_ = last.leader_epoch;
}

// The source's log starts inside a batch (DeleteRecords): an empty log begins with all of it.
void PartitionMirror::OnOverlap(const kafka::BatchHeader& first, Now now) {
  if (log_is_empty_ && handed_over_.empty()) {
    const Offset ask_from = fetch_offset();
    RestartAt(first.base_offset);
    ask_from_ = ask_from;
    return;
  }
  Halt(next_,
       {.next = kNoOffset,
        .cause = fmt::format("a batch of the source begins at {} and ends at {}, across "
                             "the end of our log",
                             first.base_offset.value(), first.next_offset().value())},
       now);
}

// True: an operator said so. Holds until something behind it is in our log.
bool PartitionMirror::LeaveOutBadBatch() {
  if (skip_from_ == kNoOffset || skip_from_ != next_) return false;
  next_ = skip_to_;
  return true;
}

void PartitionMirror::Halt(Offset at, const BadBatch& bad, Now now) {
  bad_at_ = at;
  bad_next_ = bad.next > at ? bad.next : kNoOffset;
  Stop(MirrorState::kHalted,
       {.kind = MirrorEvent::Kind::kHalted,
        .first = at,
        .end = bad_next_ == kNoOffset ? at + RecordCount(1) : bad_next_,
        .epoch = verified_epoch_,
        .cause = fmt::format("bad batch at offset {}: {}", at.value(), bad.cause)},
       now);
}

bool PartitionMirror::OnApplied(uint64_t attempt, const Status& status, Offset durable_end,
                                Now now) {
  if (attempt != attempt_ || handed_over_.empty()) return false;
  if (!status.ok()) {
    sink_fails_ = true;
    if (Stopped()) {
      Drop();
    } else {
      Retry(MirrorState::kLocating, SinkReason(status), now);
    }
    return false;
  }
  lag_.OnNewestApplied(handed_over_.front().newest);
  handed_over_bytes_ -= handed_over_.front().bytes;
  handed_over_.pop_front();
  sink_fails_ = false;
  log_is_empty_ = false;
  skipping_ = false;
  claims_ = true;
  ask_from_ = kNoOffset;
  if (durable_end <= applied_end_) return false;
  applied_end_ = durable_end;
  claimed_end_ = std::max(claimed_end_, applied_end_);
  lag_.OnPosition(applied_end_);
  backoff_.Reset();
  NoteProgress(now);
  if (!Stopped()) NoteRunning(now);
  return true;
}

void PartitionMirror::NoteRunning(Now now) {
  const bool caught_up = lag_.caught_up() && handed_over_.empty();
  // Named until something was appended again, or the source has nothing more to append.
  if (sink_fails_ && !caught_up) return;
  if (caught_up) {
    sink_fails_ = false;
    backoff_.Reset();
    NoteProgress(now);
  }
  const MirrorState running = caught_up ? MirrorState::kCaughtUp : MirrorState::kMirroring;
  if (state_ != running) Enter(running, "", now);
}

void PartitionMirror::NoteProgress(Now now) {
  progress_at_ = now.mono;
  const bool running = state_ == MirrorState::kMirroring || state_ == MirrorState::kCaughtUp;
  if (running) reason_.clear();
}

void PartitionMirror::OnSourceLost(std::string reason, Now now) {
  if (paused_ || Stopped()) return;
  Retry(MirrorState::kSourceUnavailable, std::move(reason), now);
}

void PartitionMirror::Relocate(std::string reason, Now now) {
  if (paused_ || Stopped()) return;
  Retry(MirrorState::kLocating, std::move(reason), now);
}

void PartitionMirror::OnPaused(bool paused, Now now) {
  if (paused == paused_) return;
  paused_ = paused;
  paused_since_ = now.wall;
  Drop();
  if (!paused && !Stopped()) Enter(MirrorState::kLocating, "", now);
}

void PartitionMirror::OnOwnership(Ownership ownership, Now now) {
  if (ownership == owner_) return;
  owner_ = std::move(ownership);
  if (state_ != MirrorState::kDiverged || !MaySetAside()) return;
  Drop();
  Enter(MirrorState::kLocating, "the owner changed: comparing again", now);
}

void PartitionMirror::OnTopicGone(Now now) {
  if (state_ == MirrorState::kRetired) return;
  Drop();
  Stop(MirrorState::kRetired,
       {.kind = MirrorEvent::Kind::kRetired,
        .first = applied_end_,
        .end = kNoOffset,
        .epoch = verified_epoch_,
        .cause = "the source deleted the topic; the copy is kept until an operator deletes it"},
       now);
}

void PartitionMirror::OnConflict(std::string reason, Now now) {
  if (state_ == MirrorState::kConflict) return;
  Drop();
  Stop(MirrorState::kConflict,
       {.kind = MirrorEvent::Kind::kConflict,
        .first = kNoOffset,
        .end = kNoOffset,
        .epoch = verified_epoch_,
        .cause = std::move(reason)},
       now);
}

void PartitionMirror::OnMismatch(Offset first, Offset end, std::string cause, Now now) {
  if (Stopped()) return;
  bad_at_ = kNoOffset;  // What lies ahead is not to blame: a skip leaves nothing of it out.
  bad_next_ = kNoOffset;
  mismatch_ = {first, end};
  Stop(MirrorState::kHalted,
       {.kind = MirrorEvent::Kind::kMismatch,
        .first = first,
        .end = end,
        .epoch = verified_epoch_,
        .cause = std::move(cause)},
       now);
}

void PartitionMirror::OnOperator(bool skip, Now now) {
  const bool final = state_ == MirrorState::kRetired || state_ == MirrorState::kPromoted;
  if (!Stopped() || final) return;
  if (skip && state_ == MirrorState::kHalted && bad_next_ != kNoOffset) {
    skip_from_ = bad_at_;
    skip_to_ = bad_next_;
    events_.push_back({.kind = MirrorEvent::Kind::kSkipped,
                       .first = skip_from_,
                       .end = skip_to_,
                       .epoch = verified_epoch_,
                       .cause = "an operator left a bad batch of the source out"});
  }
  if (skip && state_ == MirrorState::kHalted && mismatch_) {
    events_.push_back({.kind = MirrorEvent::Kind::kSkipped,
                       .first = mismatch_->first,
                       .end = mismatch_->second,
                       .epoch = verified_epoch_,
                       .cause = "an operator accepted a batch that is not the source's"});
  }
  mismatch_.reset();
  if (skip && state_ == MirrorState::kGap) {
    skipping_ = true;
    events_.push_back({.kind = MirrorEvent::Kind::kSkipped,
                       .first = next_,
                       .end = source_.log_start,
                       .epoch = verified_epoch_,
                       .cause = "an operator skipped the gap"});
  }
  Drop();
  Enter(MirrorState::kLocating, skip ? "an operator said: skip" : "an operator said: try again",
        now);
}

void PartitionMirror::OnTick(Now now) {
  if (retry_at_ && now.mono >= *retry_at_) retry_at_.reset();
  if (paused_ || Stopped()) return;
  const bool running = state_ == MirrorState::kMirroring || state_ == MirrorState::kCaughtUp;
  if (running && lag_.Silent(now.mono)) {
    Enter(MirrorState::kSourceUnavailable, SilenceReason(), now);
  }
  const bool stuck = !lag_.caught_up() && now.mono - progress_at_ >= kProgressPatience;
  if (stuck && reason_.empty()) {
    reason_ = fmt::format("no progress for 30 s: waiting for {}", NeedName(need()));
  }
}

std::string PartitionMirror::SilenceReason() const {
  const auto contact = lag_.last_contact_wall();
  return contact ? fmt::format("no answer from the source since {}", FormatTime(*contact))
                 : std::string("no answer from the source yet");
}

MirrorStatus PartitionMirror::status(Now now) const {
  MirrorStatus status{.state = state_,
                      .reason = reason_,
                      .since = since_,
                      .source_end = lag_.source_end(),
                      .source_start = source_.log_start,
                      .applied_end = applied_end_,
                      .last_contact = lag_.last_contact_wall(),
                      .lag = {}};
  // There is no source to be behind of.
  const bool apart = state_ == MirrorState::kRetired || state_ == MirrorState::kConflict ||
                     state_ == MirrorState::kPromoted;
  if (!apart) {
    std::optional<Timestamp> oldest;
    if (!handed_over_.empty()) oldest = handed_over_.front().oldest;
    status.lag = lag_.Lag(oldest, now.mono, now.wall);
  }
  const bool running = state_ == MirrorState::kMirroring || state_ == MirrorState::kCaughtUp;
  if (paused_) {
    status.since = paused_since_;
    status.state = MirrorState::kPaused;
    status.reason = Stopped() ? fmt::format("paused while {}: {}", MirrorStateName(state_), reason_)
                              : std::string("paused by an operator");
  } else if (running && lag_.Silent(now.mono)) {
    status.state = MirrorState::kSourceUnavailable;
    status.reason = SilenceReason();
    status.since = *lag_.last_contact_wall() + kHeartbeat;
  }
  return status;
}

std::vector<MirrorEvent> PartitionMirror::TakeEvents() { return std::exchange(events_, {}); }

std::optional<Offset> PartitionMirror::log_start_to_follow() const {
  const bool idle = need() == MirrorNeed::kRecords && handed_over_.empty();
  const bool ahead = source_.log_start > sink_.log_start && source_.log_start <= applied_end_;
  return idle && ahead ? std::optional(source_.log_start) : std::nullopt;
}

void PartitionMirror::OnLogStartFollowed(uint64_t attempt, const Status& status, Offset log_start,
                                         Now now) {
  if (!Listens(attempt)) return;
  if (status.ok()) {
    sink_.log_start = std::max(sink_.log_start, log_start);
  } else {
    sink_fails_ = true;
    Retry(MirrorState::kLocating, SinkReason(status), now);
  }
}

}  // namespace atl::mirror
