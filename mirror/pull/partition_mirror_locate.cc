// The Locate half of the state machine: where our log ends, whether the source's log is the same up
// to there, and where to go on.
#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "mirror/pull/partition_mirror.h"

namespace atl::mirror {
namespace {

using kafka::ErrorCode;

// A Kafka leader that has just been elected may not know its high watermark yet (KIP-207).
constexpr Duration kHighWatermarkPatience = std::chrono::seconds(30);
// A source that just became the owner is known by its epoch only with the next description.
constexpr Duration kOwnerPatience = std::chrono::seconds(10);

// "; group app goes on at 90, it was at 95"; what a crash repeats is told by the log alone.
std::string Clamped(const std::vector<GroupClamp>& groups) {
  constexpr size_t kNamed = 20;
  std::string text;
  for (size_t i = 0; i < std::min(groups.size(), kNamed); ++i) {
    text += fmt::format("; group {} goes on at {}, it was at {}", groups[i].group.value(),
                        groups[i].now.value(), groups[i].was.value());
  }
  if (groups.size() > kNamed) text += fmt::format("; and {} more groups", groups.size() - kNamed);
  return text;
}

}  // namespace

void PartitionMirror::OnSinkEnd(uint64_t attempt, const StatusOr<SinkEnd>& end, Now now) {
  if (!Listens(attempt) || need_ != MirrorNeed::kSinkEnd || retry_at_) return;
  if (!end.ok()) {
    Retry(MirrorState::kLocating, SinkReason(end.status()), now);
    return;
  }
  if (end->durable_end < end->log_end) {
    // A position beyond what is durable would never be reported applied.
    Retry(MirrorState::kLocating, "the target is still writing what it was given before", now);
    return;
  }
  sink_ = *end;
  next_ = sink_.log_end;
  ask_from_ = kNoOffset;
  applied_end_ = sink_.durable_end;
  verified_epoch_ = sink_.last_epoch;
  log_is_empty_ = !sink_.last_batch;
  epoch_confirmed_ = false;
  parting_.reset();
  // A log that begins behind all that was ever applied was begun anew, and nothing came after: what
  // else the source has deleted since belongs to the gap that was skipped then.
  if (log_is_empty_ && claims_ && claimed_end_ < sink_.log_end) skipping_ = true;
  NoteRollback(sink_.log_end, now);
  if (sink_.last_batch) lag_.OnNewestApplied(sink_.last_batch->max_timestamp);
  lag_.OnPosition(applied_end_);
  LocateInSource(now);
}

void PartitionMirror::LocateInSource(Now now) {
  asked_epoch_ = sink_.last_epoch;
  if (sink_.last_epoch != kNoEpoch) {
    need_ = MirrorNeed::kEpochEnd;
  } else if (log_is_empty_ && !claims_) {
    need_ = MirrorNeed::kStart;
  } else {
    PullOrCompare(now);
  }
}

void PartitionMirror::PullOrCompare(Now now) {
  if (sink_.last_batch) {
    need_ = MirrorNeed::kLastBatch;
  } else {
    StartPulling(now);
  }
}

void PartitionMirror::StartPulling(Now now) {
  need_ = MirrorNeed::kRecords;
  LeaveOutBadBatch();
  NoteProgress(now);
}

void PartitionMirror::OnCheckpoint(std::optional<Offset> checkpoint_end, Now now) {
  if (!checkpoint_end) return;
  claims_ = true;
  claimed_end_ = std::max(claimed_end_, *checkpoint_end);
  if (next_ != kNoOffset) NoteRollback(sink_.log_end, now);
}

void PartitionMirror::NoteRollback(Offset log_end, Now now) {
  if (claimed_end_ <= log_end) return;
  events_.push_back(
      {.kind = MirrorEvent::Kind::kRollback,
       .first = log_end,
       .end = claimed_end_,
       .epoch = sink_.last_epoch,
       .cause = fmt::format("offsets up to {} were durable here, but the log ends at "
                            "{}: a disk was restored or damaged; the log wins, the "
                            "missing records are pulled again (found {})",
                            claimed_end_.value(), log_end.value(), FormatTime(now.wall))});
  claimed_end_ = log_end;
}

void PartitionMirror::OnEpochEnd(uint64_t attempt, ErrorCode error, LeaderEpoch epoch, Offset end,
                                 Now now) {
  if (!Listens(attempt) || need_ != MirrorNeed::kEpochEnd || retry_at_) return;
  const bool unsupported = error == ErrorCode::kUnsupportedVersion;
  if (!unsupported && Refused(error, "the end of our last epoch", now)) return;
  const bool unknown = epoch == kNoEpoch || end == kNoOffset;
  if (unknown && !unsupported && MaySetAside()) {
    // A new owner that has not written yet does not know of epochs behind the cut.
    if (AskOlderEpoch()) return;
    parting_ = {.at = kNoOffset, .end = kNoOffset};
  }
  if (unsupported || unknown) {
    PullOrCompare(now);
    return;
  }
  const bool other = end < sink_.log_end || epoch < sink_.last_epoch;
  if (MaySetAside()) {
    parting_ = {.at = other ? CutOf(epoch, end) : sink_.log_end, .end = end};
  } else if (other) {
    OnBranch(epoch, end, now);
    return;
  } else {
    branch_since_.reset();
  }
  epoch_confirmed_ = !other;
  PullOrCompare(now);
}

bool PartitionMirror::AskOlderEpoch() {
  for (auto it = sink_.epochs.rbegin(); it != sink_.epochs.rend(); ++it) {
    if (it->epoch >= asked_epoch_) continue;
    asked_epoch_ = it->epoch;
    return true;
  }
  return false;
}

// --- Another history ---

// The owner changed since our last epoch.
bool PartitionMirror::MaySetAside() const {
  const LeaderEpoch present = owner_.source_epoch;
  const bool moved = policy_.owned_epochs && present > sink_.last_epoch &&
                     present.owner() != sink_.last_epoch.owner();
  return moved || owner_.moved_at > sink_.last_epoch;
}

// Kafka's rule (AbstractFetcherThread.getOffsetTruncationState): where an epoch that both have ends
// first. Without a common one our next older epoch is asked about, after a cut to its end.
Offset PartitionMirror::CutOf(LeaderEpoch epoch, Offset end) const {
  Offset own_end = sink_.log_end;
  for (auto it = sink_.epochs.rbegin(); it != sink_.epochs.rend(); ++it) {
    if (it->epoch == epoch) return std::min(own_end, end);
    if (it->epoch < epoch) return own_end;
    own_end = it->start;
  }
  return std::min(own_end, end);
}

// Below its log's start an owner knows no epochs any more: there the lineage alone tells what
// parts. Above it the log outweighs the lineage: whoever took a topic over with a tail that was not
// set aside yet made it everybody's. True: something is done about it.
bool PartitionMirror::SetAsideWhatParts(const Parting& parting, Offset source_start, Now now) {
  const Fork fork = ForkOf(owner_.stints, sink_);
  Offset cut = parting.end == kNoOffset ? source_start : parting.at;
  const bool compared = parting.end > source_start;
  if (!compared && fork.known != kNoOffset) cut = std::min(cut, fork.known);
  if (!compared && fork.doubted != kNoOffset && fork.doubted < cut) {
    if (!branch_since_) branch_since_ = now.mono;
    if (!owner_.stints.empty() && now.mono - *branch_since_ < kOwnerPatience) {
      Retry(
          MirrorState::kLocating,
          fmt::format("the owner's log starts at {}, and where its epoch {} began is not told yet",
                      source_start.value(), owner_.source_epoch.value()),
          now);
      return true;
    }
    cut = fork.doubted;  // Rather too much is kept than too little.
  }
  branch_since_.reset();
  if (cut < sink_.log_end) {
    cut_ = cut;
    need_ = MirrorNeed::kSetAside;
    Enter(MirrorState::kLocating,
          fmt::format("offsets {} to {} (epoch {}) are not in the history of the owner (epoch {}): "
                      "setting them aside",
                      cut_.value(), sink_.log_end.value() - 1, sink_.last_epoch.value(),
                      owner_.source_epoch.value()),
          now);
    NoteProgress(now);
    return true;
  }
  if (!epoch_confirmed_ && parting.end != kNoOffset) {
    Retry(MirrorState::kLocating,
          fmt::format("the source has another epoch than {} at offset {}", sink_.last_epoch.value(),
                      parting.end.value()),
          now);
    return true;
  }
  return false;
}

void PartitionMirror::OnBranch(LeaderEpoch epoch, Offset end, Now now) {
  if (!branch_since_) branch_since_ = now.mono;
  if (policy_.owned_epochs && now.mono - *branch_since_ < kOwnerPatience) {
    Retry(MirrorState::kLocating,
          fmt::format("the source's epoch {} ends at offset {}, ours goes on to {}: has the owner "
                      "changed?",
                      epoch.value(), end.value(), sink_.log_end.value()),
          now);
  } else if (end < sink_.log_end) {
    Diverge(end,
            fmt::format("the source's epoch {} ends at offset {}, ours goes on to {}",
                        epoch.value(), end.value(), sink_.log_end.value()),
            now);
  } else {
    const Offset first = sink_.last_batch ? sink_.last_batch->base_offset : sink_.log_start;
    Diverge(first,
            fmt::format("our last epoch is {}, the source has only {} there",
                        sink_.last_epoch.value(), epoch.value()),
            now);
  }
}

void PartitionMirror::OnSetAside(uint64_t attempt, const StatusOr<SetAside>& kept, Now now) {
  if (!Listens(attempt) || need_ != MirrorNeed::kSetAside || retry_at_) return;
  if (!kept.ok()) {
    Retry(MirrorState::kLocating,
          fmt::format("offsets from {} on can't be set aside and stay: {}", cut_.value(),
                      SinkReason(kept.status())),
          now);
    return;
  }
  events_.push_back(
      {.kind = MirrorEvent::Kind::kQuarantined,
       .first = kept->first,
       .end = sink_.log_end,
       .epoch = sink_.last_epoch,
       .cause = fmt::format("{} records at offsets {} to {} are not in the history "
                            "of the owner (epoch {}): quarantine {} keeps them{}",
                            kept->records, kept->first.value(), sink_.log_end.value() - 1,
                            owner_.source_epoch.value(), kept->id, Clamped(kept->groups))});
  // Below the log's start nothing could be kept; the log ends at the cut all the same.
  const Offset end = std::min(kept->first, cut_);
  claimed_end_ = claims_ ? std::min(claimed_end_, end) : end;
  claims_ = true;  // A log that is empty then goes on from there, not where a new mirror starts.
  applied_end_ = std::min(applied_end_, end);
  lag_.OnPosition(applied_end_);
  need_ = MirrorNeed::kTruncate;
  NoteProgress(now);
}

void PartitionMirror::OnTruncated(uint64_t attempt, const Status& status, Now now) {
  if (!Listens(attempt) || need_ != MirrorNeed::kTruncate || retry_at_) return;
  if (!status.ok()) {
    Retry(MirrorState::kLocating, SinkReason(status), now);
    return;
  }
  // What is missing now may be older than anything that was caught up with before.
  lag_ = LagMeter();
  Drop();
  Enter(MirrorState::kLocating, "", now);
  NoteProgress(now);
}

void PartitionMirror::OnLastBatch(uint64_t attempt, ErrorCode error, const SourceOffsets& source,
                                  BytesView records, Now now) {
  if (!Listens(attempt) || need_ != MirrorNeed::kLastBatch || retry_at_) return;
  const bool out_of_range = error == ErrorCode::kOffsetOutOfRange;
  if (!out_of_range && Refused(error, "a fetch of our last batch", now)) return;
  if (!SourceCovers(source, now)) return;
  if (!out_of_range) {
    CompareLastBatch(records, now);
  } else if (source.log_start > sink_.last_batch->base_offset) {
    // It can't be compared any more, but our log still continues it.
    StartPulling(now);
  } else {
    Retry(MirrorState::kLocating,
          fmt::format("the source says that offset {} is out of its range [{}, {})",
                      sink_.last_batch->base_offset.value(), source.log_start.value(),
                      source.high_watermark.value()),
          now);
  }
}

bool PartitionMirror::SourceCovers(const SourceOffsets& source, Now now) {
  if (source.log_start < Offset(0) || source.high_watermark < source.log_start) {
    Retry(MirrorState::kLocating, "the source does not say where its log starts and ends", now);
    return false;
  }
  Hear(source, now);
  if (const auto parting = std::exchange(parting_, std::nullopt)) {
    if (SetAsideWhatParts(*parting, source.log_start, now)) return false;
  }
  if (source.high_watermark < next_) {
    OnSourceShorter(source.high_watermark, now);
    return false;
  }
  shorter_since_.reset();
  if (source.log_start > fetch_offset()) {
    OnGap(source.log_start, now);
    return false;
  }
  return true;
}

void PartitionMirror::OnSourceShorter(Offset source_end, Now now) {
  const std::string what = fmt::format("the source's high watermark is {}, our log ends at {}",
                                       source_end.value(), next_.value());
  if (!shorter_since_) shorter_since_ = now.mono;
  // While we pull, Locate decides. A source that has our epoch as far as we have it may only not
  // know its high watermark yet.
  const bool may_pass = need_ == MirrorNeed::kRecords || epoch_confirmed_;
  if (may_pass && now.mono - *shorter_since_ < kHighWatermarkPatience) {
    Retry(MirrorState::kLocating, what, now);
    return;
  }
  Diverge(source_end, what, now);
}

void PartitionMirror::CompareLastBatch(BytesView records, Now now) {
  // Compaction rewrites batches: there, the epochs are all that can be compared.
  if (policy_.compacted) {
    StartPulling(now);
    return;
  }
  const kafka::BatchHeader& ours = *sink_.last_batch;
  if (records.size() < kafka::kBatchHeaderBytes) {
    wants_bigger_fetch_ = !records.empty();
    const bool bigger = wants_bigger_fetch_;
    Retry(MirrorState::kLocating,
          fmt::format("the source sent no batch for offset {}", ours.base_offset.value()), now);
    wants_bigger_fetch_ = bigger;
    return;
  }
  const StatusOr<kafka::BatchHeader> theirs = kafka::BatchHeader::Parse(records);
  if (!theirs.ok()) {
    Halt(ours.base_offset,
         {.next = kNoOffset, .cause = std::string(StatusMessage(theirs.status()))}, now);
    return;
  }
  if (theirs->base_offset == ours.base_offset && theirs->leader_epoch == ours.leader_epoch &&
      theirs->crc == ours.crc && theirs->last_offset_delta == ours.last_offset_delta) {
    StartPulling(now);
    return;
  }
  Diverge(std::min(ours.base_offset, theirs->base_offset),
          fmt::format("our last batch is [{}, {}) of epoch {} with CRC {:08x}, the source has "
                      "[{}, {}) of epoch {} with CRC {:08x}",
                      ours.base_offset.value(), ours.next_offset().value(),
                      ours.leader_epoch.value(), ours.crc, theirs->base_offset.value(),
                      theirs->base_offset.value() + theirs->last_offset_delta + 1,
                      theirs->leader_epoch.value(), theirs->crc),
          now);
}

void PartitionMirror::Diverge(Offset first_bad, std::string cause, Now now) {
  Stop(MirrorState::kDiverged,
       {.kind = MirrorEvent::Kind::kDivergence,
        .first = first_bad,
        .end = sink_.log_end,
        .epoch = sink_.last_epoch,
        .cause = fmt::format("diverged at offset {} or later: {}", first_bad.value(), cause)},
       now);
}

void PartitionMirror::OnGap(Offset source_start, Now now) {
  if (log_is_empty_ && !claims_) {
    // Nothing was mirrored yet: begin where the source begins now.
    Retry(MirrorState::kLocating, "the source's log start moved on before the first record", now);
    return;
  }
  if (!handed_over_.empty()) {
    // The exact range is known when they have arrived.
    Retry(MirrorState::kLocating, "the source's log start passed the target's end", now);
    return;
  }
  MirrorEvent event{
      .kind = MirrorEvent::Kind::kGap,
      .first = next_,
      .end = source_start,
      .epoch = verified_epoch_,
      .cause = fmt::format("the source's log starts at {} now, offsets {} to {} were "
                           "not mirrored before they were deleted there",
                           source_start.value(), next_.value(), source_start.value() - 1)};
  if (policy_.on_gap == MirrorPolicy::OnGap::kStop && !skipping_) {
    Stop(MirrorState::kGap, std::move(event), now);
    return;
  }
  events_.push_back(std::move(event));
  Enter(MirrorState::kLocating, "skipping a gap", now);
  RestartAt(source_start);
}

void PartitionMirror::RestartAt(Offset start) {
  skipping_ = claims_;
  restart_at_ = start;
  ask_from_ = start;
  need_ = MirrorNeed::kRestart;
}

void PartitionMirror::OnStart(uint64_t attempt, ErrorCode error, Offset start, Now now) {
  if (!Listens(attempt) || need_ != MirrorNeed::kStart || retry_at_) return;
  if (Refused(error, "where to start", now)) return;
  if (start < Offset(0)) {
    Retry(MirrorState::kLocating, "the source does not say where to start", now);
  } else if (start == sink_.log_end) {
    StartPulling(now);
  } else {
    RestartAt(start);
  }
}

void PartitionMirror::OnRestarted(uint64_t attempt, const Status& status, Now now) {
  if (!Listens(attempt) || need_ != MirrorNeed::kRestart || retry_at_) return;
  if (!status.ok()) {
    Retry(MirrorState::kLocating, SinkReason(status), now);
    return;
  }
  sink_.log_start = sink_.log_end = sink_.durable_end = restart_at_;
  sink_.last_batch.reset();
  log_is_empty_ = true;
  next_ = restart_at_;
  applied_end_ = restart_at_;
  claimed_end_ = restart_at_;
  lag_.OnPosition(applied_end_);
  StartPulling(now);
}

}  // namespace atl::mirror
