// One mirrored partition as a pure state machine: state + event -> state + what is needed next. No
// Asio, no files, no clock of its own. The shell (fetcher.h, or the simulator) looks at need(),
// does that one thing against the source or the sink, and reports it by the On... function of the
// same name.
//
//   kSinkEnd -> kEpochEnd -> kLastBatch -> kRecords <-> (apply) ...        Locate, Pull, Verify,
//   Apply, Checkpoint
//            -> kStart -> kRestart -> kRecords                             an empty log: where to
//            begin
//
// Rules. The sink's log is the truth; the checkpoint is a claim about it. Any error leads to
// Relocate(): what is in flight becomes inert (events carry the attempt they belong to) and Locate
// runs again. Nothing is appended before the epoch chain and the last common batch were compared
// with the source. A bad batch halts this partition, no other. Not thread-safe: one owner.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/types.h"
#include "base/uuid.h"
#include "kafka/record/batch_view.h"
#include "kafka/wire/error_code.h"
#include "mirror/pull/sink.h"

namespace atl::mirror {

// Names are the API's: "caught_up". Never reused for another meaning.
enum class MirrorState {
  kLocating,
  kMirroring,
  kCaughtUp,
  kPaused,
  kSourceUnavailable,
  kHalted,
  kGap,
  kDiverged,
  kConflict,
  kRetired,
  kPromoted,
};
std::string_view StateName(MirrorState state);

enum class MirrorNeed {
  kNothing,    // Waiting for time, an operator, or what is in flight.
  kSinkEnd,    // SinkPartition::End()
  kEpochEnd,   // OffsetForLeaderEpoch of last_epoch()
  kLastBatch,  // Fetch at last_batch_offset(); the first batch of the answer is compared with the
               // sink's last
  kStart,      // ListOffsets of the source, as startFrom says
  kRestart,    // Apply restart_at()
  kRecords,    // Fetch at fetch_offset()
};

struct MirrorKey {
  LinkName link;
  TopicName topic;
  TopicId topic_id;
  PartitionId partition;
};

struct MirrorPolicy {
  enum class OnGap { kStop, kSkip };
  OnGap on_gap = OnGap::kStop;
  // The source compacts (or may): batches may have been rewritten, so the last batch's CRC proves
  // nothing; and holes are legal.
  bool compacted = false;
  // Verified bytes that may wait for the sink before no more records are asked for.
  ByteCount apply_window{64 << 20};
};

// What the source says about a partition with every answer.
struct SourceOffsets {
  Offset log_start = kNoOffset;
  Offset high_watermark = kNoOffset;
};

// A durable, queryable event (checkpoint/event_table).
struct MirrorEvent {
  enum class Kind {
    kGap,
    kGeneration,
    kDivergence,
    kHalted,
    kConflict,
    kRetired,
    kRollback,
    kSkipped
  };
  Kind kind;
  Offset first;  // Range of offsets concerned: [first, end).
  Offset end;
  LeaderEpoch epoch = kNoEpoch;
  std::string cause;  // For people: what was found, where, and what to do next.
};

// Lag, honest: nothing is ever 0 unless we are caught up and in contact.
struct MirrorLag {
  std::optional<int64_t> records;  // Nothing: unknown, the source was never heard.
  std::optional<int64_t> bytes;    // Estimated from the bytes per offset seen last.
  std::optional<double> seconds;
};

struct MirrorStatus {
  MirrorState state = MirrorState::kLocating;
  std::string reason;             // For people; empty where the state says all.
  WallTime since;                 // When the state was entered.
  Offset source_end = kNoOffset;  // High watermark as last heard.
  Offset source_start = kNoOffset;
  Offset applied_end = kNoOffset;  // Durable here.
  std::optional<WallTime> last_contact;
  MirrorLag lag;
};

class PartitionMirror {
 public:
  PartitionMirror(MirrorKey key, MirrorPolicy policy, MonotonicTime now, WallTime wall);

  MirrorNeed need() const;
  uint64_t attempt() const {
    return attempt_;
  }  // Pass it to the On... functions; older ones are ignored.
  LeaderEpoch last_epoch() const;
  Offset last_batch_offset() const;
  Offset fetch_offset() const;
  Offset restart_at() const;
  const MirrorKey& key() const { return key_; }

  struct Now {
    MonotonicTime mono;
    WallTime wall;
  };

  // --- Locate ---
  void OnSinkEnd(uint64_t attempt, const StatusOr<SinkEnd>& end, Now now);
  // `checkpoint_end`: the applied end that the checkpoint claims, if any. Ahead of the log: a
  // kRollback event, the log wins.
  void OnCheckpoint(std::optional<Offset> checkpoint_end, Now now);
  void OnEpochEnd(uint64_t attempt, kafka::ErrorCode error, LeaderEpoch epoch, Offset end, Now now);
  void OnLastBatch(uint64_t attempt, kafka::ErrorCode error, const SourceOffsets& source,
                   BytesView records, Now now);
  void OnStart(uint64_t attempt, kafka::ErrorCode error, Offset start, Now now);
  void OnRestarted(uint64_t attempt, const Status& status, Now now);

  // --- Pull and Verify ---
  // `verified` gets the batches to hand to the sink, in order (a partial last one is left out;
  // batches below fetch_offset() are skipped). They point into `records`. Nothing when the answer
  // is an error or the batch is bad.
  void OnRecords(uint64_t attempt, kafka::ErrorCode error, const SourceOffsets& source,
                 BytesView records, Now now, std::vector<kafka::BatchView>& verified);

  // --- Apply ---
  // For every hand-over of OnRecords' batches, in order. True: the position moved and is worth a
  // checkpoint.
  bool OnApplied(uint64_t attempt, const Status& status, Offset durable_end, Now now);

  // --- The world ---
  void OnSourceLost(std::string reason, Now now);  // Connection gone or timed out.
  void Relocate(std::string reason, Now now);      // Start over with Locate.
  void OnPaused(bool paused, Now now);
  void OnTopicGone(Now now);                     // Deleted at the source: kRetired.
  void OnConflict(std::string reason, Now now);  // Also another generation under the same name.
  // An operator decided: leave kHalted or kGap. kGap: skip to the source's start. kHalted: try
  // again.
  void OnOperator(bool skip, Now now);
  // Named waits end here: a retry after an error, L4's 30 s without progress.
  void OnTick(Now now);

  MirrorStatus status(Now now) const;
  // Events since the last call; the shell writes them durably before it goes on.
  std::vector<MirrorEvent> TakeEvents();
  // The log start that the sink should follow, when the source's moved up and nothing is in flight.
  std::optional<Offset> log_start_to_follow() const;

 private:
  // (left to the implementation)
  MirrorKey key_;
  uint64_t attempt_ = 1;
};

}  // namespace atl::mirror
