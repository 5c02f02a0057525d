// One mirrored partition as a pure state machine: state + event -> state + what is needed next. No
// Asio, no files, no clock of its own. The shell (fetcher.h, or the simulator) looks at need(),
// does that one thing against the source or the sink, and reports it by the On... function of the
// same name.
//
//   kSinkEnd -> kEpochEnd -> kLastBatch -> kRecords <-> (apply) ...   Locate, Pull, Verify, Apply
//            -> kStart -> kRestart -> kRecords            an empty log: where to begin
//                         -> kSetAside -> kTruncate -> kSinkEnd   another owner's history
//
// Rules. The sink's log is the truth; the checkpoint is a claim about it. Any error leads to
// Relocate(): what is in flight becomes inert (events carry the attempt they belong to) and Locate
// runs again. Nothing is appended before the epoch chain and the last common batch were compared
// with the source. A bad batch halts this partition, no other. Not thread-safe: one owner.
// The shell keeps one request per need in flight and writes the events of TakeEvents() durably
// before it acts on the next need().
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/types.h"
#include "base/uuid.h"
#include "kafka/record/batch_view.h"
#include "kafka/wire/error_code.h"
#include "mirror/pull/lineage.h"
#include "mirror/pull/sink.h"
#include "mirror/pull/verify.h"
#include "mirror/watch/lag_meter.h"
#include "mirror/watch/mirror_status.h"
#include "runtime/backoff.h"

namespace atl::mirror {

enum class MirrorNeed {
  kNothing,    // Waiting for time, an operator, or what is in flight.
  kSinkEnd,    // SinkPartition::End()
  kEpochEnd,   // OffsetForLeaderEpoch of last_epoch()
  kLastBatch,  // Fetch at last_batch_offset(); the first batch of the answer is compared with the
               // sink's last
  kStart,      // ListOffsets of the source, as startFrom says
  kRestart,    // Apply restart_at()
  kRecords,    // Fetch at fetch_offset()
  kSetAside,   // Keep what the log holds from set_aside_from() on, durably, apart
  kTruncate,   // Apply the cut that was set aside
};

struct MirrorPolicy {
  enum class OnGap { kStop, kSkip };
  OnGap on_gap = OnGap::kStop;
  // The source compacts (or may): batches may have been rewritten, so the last batch's CRC proves
  // nothing; and holes are legal.
  bool compacted = false;
  // The source is a region: an epoch tells its owner.
  bool owned_epochs = false;
  // Verified bytes that may wait for the sink before no more records are asked for.
  ByteCount apply_window{64 << 20};
};

// What the source says about a partition with every answer.
struct SourceOffsets {
  Offset log_start = kNoOffset;
  Offset high_watermark = kNoOffset;
  // When the question was put. The answer may have lain here unread while this process stood still,
  // so it proves a contact at this time and none later.
  MonotonicTime asked{};
};

class PartitionMirror {
 public:
  // `jitter_seed`: retries of mirrors with different seeds spread.
  PartitionMirror(MirrorKey key, MirrorPolicy policy, MonotonicTime now, WallTime wall,
                  uint64_t jitter_seed = 1);

  MirrorNeed need() const;
  uint64_t attempt() const { return attempt_; }  // For the On... functions; older ones are inert.
  LeaderEpoch last_epoch() const { return asked_epoch_; }
  Offset last_batch_offset() const;
  Offset fetch_offset() const;
  Offset restart_at() const;
  Offset set_aside_from() const { return cut_; }
  LeaderEpoch source_epoch() const { return owner_.source_epoch; }
  const MirrorKey& key() const { return key_; }
  // The last answer held the beginning of a batch and nothing whole: ask for more bytes.
  bool wants_bigger_fetch() const { return wants_bigger_fetch_; }
  // When OnTick() has something to do at the latest (a retry); nothing: its usual second is enough.
  std::optional<MonotonicTime> wake_at() const;

  struct Now {
    MonotonicTime mono;
    WallTime wall;
  };

  // --- Locate ---
  void OnSinkEnd(uint64_t attempt, const StatusOr<SinkEnd>& end, Now now);
  // `checkpoint_end`: the applied end that the checkpoint claims, if any; once, before the first
  // OnSinkEnd. Ahead of the log: a kRollback event, the log wins. An empty log that has one was
  // located before and continues at its end; without one it begins where startFrom says.
  void OnCheckpoint(std::optional<Offset> checkpoint_end, Now now);
  // {kNoEpoch, kNoOffset} with kNone: the source does not know (or keeps no epochs).
  void OnEpochEnd(uint64_t attempt, kafka::ErrorCode error, LeaderEpoch epoch, Offset end, Now now);
  // With kOffsetOutOfRange `source` must be known all the same, here and in OnRecords: Kafka
  // answers -1 there, so ask ListOffsets for both first. 61 bytes of the batch are enough.
  void OnLastBatch(uint64_t attempt, kafka::ErrorCode error, const SourceOffsets& source,
                   BytesView records, Now now);
  void OnStart(uint64_t attempt, kafka::ErrorCode error, Offset start, Now now);
  void OnRestarted(uint64_t attempt, const Status& status, Now now);
  void OnSetAside(uint64_t attempt, const StatusOr<SetAside>& kept, Now now);
  void OnTruncated(uint64_t attempt, const Status& status, Now now);

  // --- Pull and Verify ---
  // `verified` gets the batches to hand to the sink, in order (a partial last one is left out;
  // batches below the position are skipped). They point into `records`. A bad batch halts the
  // mirror; the good ones before it are still handed over.
  void OnRecords(uint64_t attempt, kafka::ErrorCode error, const SourceOffsets& source,
                 BytesView records, Now now, std::vector<kafka::BatchView>& verified);

  // --- Apply ---
  // For every hand-over of OnRecords' batches (when it gave any), in order. True: the position
  // moved and is worth a checkpoint.
  bool OnApplied(uint64_t attempt, const Status& status, Offset durable_end, Now now);

  // --- The world ---
  void OnSourceLost(std::string reason, Now now);  // Connection gone or timed out.
  void Relocate(std::string reason, Now now);      // Start over with Locate.
  void OnPaused(bool paused, Now now);
  // What we have of an older epoch than the last change of owner, and the owner's history has not,
  // is set aside. Two owners' epochs tell of the change by themselves.
  void OnOwnership(Ownership ownership, Now now);
  void OnTopicGone(Now now);                     // Deleted at the source: kRetired.
  void OnConflict(std::string reason, Now now);  // Also another generation under the same name.
  void OnMismatch(Offset first, Offset end, std::string cause, Now now);  // Found by comparing.
  // An operator decided: leave kHalted, kGap, kDiverged or kConflict. With `skip` a gap is skipped
  // to the source's start and a bad batch is left out (a kSkipped event each); without, and for the
  // other states, the mirror locates again and stops again if nothing changed.
  void OnOperator(bool skip, Now now);
  // Named waits end here: a retry after an error, L4's 30 s without progress. About once a second,
  // and at wake_at().
  void OnTick(Now now);

  MirrorStatus status(Now now) const;
  // Events since the last call; the shell writes them durably before it acts on need() again.
  std::vector<MirrorEvent> TakeEvents();
  // The log start that the sink should follow, when the source's moved up and nothing is in flight.
  std::optional<Offset> log_start_to_follow() const;
  // What became of it.
  void OnLogStartFollowed(uint64_t attempt, const Status& status, Offset log_start, Now now);

 private:
  // One answer's batches on their way through the sink.
  struct HandOver {
    Offset end;
    ByteCount bytes;
    Timestamp oldest;
    Timestamp newest;
  };
  bool Stopped() const;  // Until an operator, or for ever.
  bool Listens(uint64_t attempt) const { return attempt == attempt_ && !Stopped() && !paused_; }
  void Enter(MirrorState state, std::string reason, Now now);
  void Drop();
  void Retry(MirrorState state, std::string reason, Now now);
  void Stop(MirrorState state, MirrorEvent event, Now now);
  void Hear(const SourceOffsets& source, Now now);
  // True: the answer was an error, and it was dealt with.
  bool Refused(kafka::ErrorCode error, std::string_view what, Now now);

  void LocateInSource(Now now);
  void PullOrCompare(Now now);
  void StartPulling(Now now);
  void NoteRollback(Offset log_end, Now now);
  // False: the source's offsets end the attempt (a gap, a shorter source, or not told).
  bool SourceCovers(const SourceOffsets& source, Now now);
  void OnSourceShorter(Offset source_end, Now now);
  void CompareLastBatch(BytesView records, Now now);
  void Diverge(Offset first_bad, std::string cause, Now now);
  void OnBranch(LeaderEpoch epoch, Offset end, Now now);
  bool SetAsideWhatParts(const Parting& parting, Offset source_start, Now now);
  bool AskOlderEpoch();
  bool MaySetAside() const;
  Offset CutOf(LeaderEpoch epoch, Offset end) const;
  void OnGap(Offset source_start, Now now);
  void RestartAt(Offset start);
  void HandOverBatches(std::span<const kafka::BatchView> batches, ByteCount bytes);
  void OnOverlap(const kafka::BatchHeader& first, Now now);
  bool LeaveOutBadBatch();
  void Halt(Offset at, const BadBatch& bad, Now now);
  void NoteRunning(Now now);
  void NoteProgress(Now now);
  std::string SilenceReason() const;
  static std::string SinkReason(const Status& status);

  const MirrorKey key_;
  const MirrorPolicy policy_;
  runtime::Backoff backoff_;

  uint64_t attempt_ = 1;
  MirrorNeed need_ = MirrorNeed::kSinkEnd;
  std::optional<MonotonicTime> retry_at_;  // need_ waits until then.

  MirrorState state_ = MirrorState::kLocating;  // Beneath a pause.
  std::string reason_;
  WallTime since_;
  bool paused_ = false;
  WallTime paused_since_{};

  // The sink's log as Locate found it, and as it grew since.
  SinkEnd sink_{};
  Offset claimed_end_ = kNoOffset;  // The highest end anyone said was durable.
  bool claims_ = false;             // A checkpoint or an applied batch: the log was begun before.
  Offset applied_end_ = kNoOffset;

  // The position. Invariant: applied_end_ <= next_.
  Offset next_ = kNoOffset;
  Offset ask_from_ = kNoOffset;  // Above next_ where the source starts inside a batch.
  LeaderEpoch verified_epoch_ = kNoEpoch;
  bool log_is_empty_ = false;
  bool skipping_ = false;  // A gap is being skipped: the next one needs no new consent.
  Offset restart_at_ = kNoOffset;
  std::deque<HandOver> handed_over_;
  ByteCount handed_over_bytes_{0};
  bool wants_bigger_fetch_ = false;

  // A bad batch: where, and where the next one would begin (kNoOffset: its header can't be read).
  Offset bad_at_ = kNoOffset;
  Offset bad_next_ = kNoOffset;
  std::optional<std::pair<Offset, Offset>> mismatch_;  // What verification found: [first, end).
  Offset skip_from_ = kNoOffset;  // To skip_to_: an operator's consent to leave it out.
  Offset skip_to_ = kNoOffset;

  Offset cut_ = kNoOffset;
  Ownership owner_;
  SourceOffsets source_;
  LeaderEpoch asked_epoch_ = kNoEpoch;
  std::optional<Parting> parting_;  // Judged when the source's log start is known.
  bool epoch_confirmed_ = false;    // The source's log is as long as ours, by its epochs.
  std::optional<MonotonicTime> shorter_since_;
  std::optional<MonotonicTime> branch_since_;  // Our log parts from the source's: not told why.
  bool sink_fails_ = false;
  MonotonicTime progress_at_;
  LagMeter lag_;
  std::vector<MirrorEvent> events_;
};

}  // namespace atl::mirror
