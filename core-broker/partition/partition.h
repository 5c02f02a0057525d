// One partition: its log, its producers, its epochs, and the five offsets that everybody asks for.
//
// Threads. "Shard" functions run on the partition's storage shard only, inside a turn
// (runtime/storage_shards.h): they stage, the turn writes and syncs, Publish() makes the result
// visible. "Any" functions may run on any thread at any time and never wait for a writer.
// Invariant: log_start <= last_stable <= high_watermark <= log_end; durable_end <= log_end; with
// Durability::kFsync high_watermark <= durable_end, always. Failure: a failed write or sync takes
// the partition offline (no acknowledgement, reads below the high watermark go on). Reopen() closes
// the log, recovers it from disk by CRC and goes on; a sync is never retried.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "base/types.h"
#include "base/uuid.h"
#include "checkpoint/partition_state_table.h"
#include "core-broker/log/log.h"
#include "core-broker/partition/leader_epochs.h"
#include "core-broker/partition/partition_types.h"
#include "core-broker/partition/producer_state.h"
#include "core-broker/partition/staged.h"
#include "core-broker/partition/transaction_index.h"
#include "kafka/record/batch_view.h"
#include "kafka/wire/error_code.h"
#include "runtime/storage_shards.h"

namespace atl::broker {

// Told, on the shard's thread, that the high watermark, the last stable offset or the log start
// moved, or that the partition went offline, was closed or deleted. Must only note it and wake its
// reactor.
class PartitionListener {
 public:
  virtual ~PartitionListener() = default;
  virtual void OnProgress(uint64_t token) noexcept = 0;
};

class Partition final : public runtime::TurnParticipant,
                        public std::enable_shared_from_this<Partition> {
 public:
  struct Identity {
    TopicName topic;
    TopicId topic_id;
    PartitionId partition;
  };
  // Opens or creates the partition in `folder`, recovers its log and rebuilds what the checkpoint
  // does not tell. An error means the folder's contents could not be trusted; nothing was deleted.
  static StatusOr<std::shared_ptr<Partition>> Open(const PartitionContext& context,
                                                   Identity identity, std::string folder,
                                                   const PartitionConfig& config);
  // A partition that Open could not trust: answers KAFKA_STORAGE_ERROR with `reason`, and Reopen()
  // tries again.
  static std::shared_ptr<Partition> OpenOffline(const PartitionContext& context, Identity identity,
                                                std::string folder, const PartitionConfig& config,
                                                const Status& reason);
  ~Partition() override;

  const Identity& identity() const { return identity_; }

  // --- Shard ---
  // A client's validated batch (kafka::ValidateProduced). Stamps base offset and epoch into it; its
  // bytes must stay until the turn is over. `outcome` is filled at once on a refusal or a
  // duplicate, else by WriteStaged, and corrected by Publish when the sync or the second question
  // to the gate fails; it must stay alive as long. With `after` kWrite (acks=1) WriteStaged asks
  // the gate again itself and is the last to touch the outcome.
  void StageAppend(MutableBytes batch, AppendOutcome& outcome,
                   runtime::CompleteAfter after = runtime::CompleteAfter::kSync);
  // Batches from a mirror's source, verbatim: base offsets rise from the log end (holes are legal),
  // epochs never fall. All or none of them. Bytes and outcome as above.
  void StageMirrorAppend(const LinkName& link, std::span<const kafka::BatchView> batches,
                         MirrorOutcome& outcome);
  // A region takes the topic over: ends every open transaction by an ABORT marker under `epoch`
  // (KIP-98), past the gate. How many; durable after the turn, unless it went offline.
  int StageAborts(LeaderEpoch epoch);
  // Records of a fan-in topic: get base offset and epoch here; see companion.h. `append` and
  // `outcome` must stay until the turn is over.
  void StageMapped(const LinkName& link, MappedAppend& append, MappedOutcome& outcome);
  // DeleteRecords: the log now starts at `before` (kNoOffset: at the high watermark). Durable
  // before it is published.
  kafka::ErrorCode AdvanceLogStart(Offset before);
  // A mirror's log begins anew at `start` (first start, a skipped gap): what it held is removed.
  Status RestartAt(Offset start);
  // What lies at or behind `cut` goes; epochs, producers and transactions are what they were there.
  // The decision is durable before the first byte goes: a crash on the way ends behind it.
  Status TruncateTo(PartitionCut cut);
  // As Kafka does: whole segments below the high watermark that are past their time or over size,
  // the active one too once all of it is past its time.
  Status ApplyRetention();
  int64_t HighestProducerOf(RegionOrdinal region) const { return producers_.HighestOf(region); }
  // Writes recovery point, epochs, producers and transactions to the checkpoint, if anything
  // changed since; syncs the log first where the topic's durability has not.
  Status SaveState(checkpoint::Sync sync);
  // Every second or so: reopens what is offline (with backoff), saves a state that has been dirty
  // for long, lets idle files go, applies retention where told. True when it synced something: the
  // caller spreads those over several rounds.
  bool Tick(bool retention, bool may_save);
  // After an error: closes the log and recovers it. Acknowledged records are there or it fails.
  Status Reopen();
  void SetConfig(const PartitionConfig& config);
  void Close();  // No more appends; reads answer an error. The files stay.
  File* WriteStaged() override;
  void Publish(const Status& sync) override;

  // --- Any ---
  PartitionOffsets offsets() const;
  ReadOutcome Read(const ReadRequest& request) const;
  // First record at or above `at`, exact to the record, below high watermark or last stable offset.
  StatusOr<TimestampedOffset> FindTimestamp(Timestamp at, Isolation isolation) const;
  // ListOffsets -3 (KIP-734): the record with the highest timestamp.
  StatusOr<TimestampedOffset> FindMaxTimestamp() const;
  // The header of the batch that contains `offset`; kNotFound when there is none.
  StatusOr<kafka::BatchHeader> BatchAt(Offset offset) const;
  // OffsetForLeaderEpoch: the largest epoch <= `epoch` here and its end; none when unknown.
  EpochEnd EndOfEpoch(LeaderEpoch epoch) const;
  // LeaderEpochs::PositionOf; `current` is the topic's.
  std::optional<Offset> PositionOf(Offset next, LeaderEpoch epoch, LeaderEpoch current) const;
  std::vector<EpochStart> epochs() const;
  int open_transactions() const;
  LeaderEpoch last_epoch() const;  // Of the last batch; kNoEpoch in an empty log.
  ByteCount size_bytes() const;
  PartitionTraffic& traffic() const { return traffic_; }
  // Prepares TruncateTo: reads headers from the recovery point, or the log start, up to `offset`,
  // so it may take long and runs where that holds up nobody.
  StatusOr<PartitionCut> PlanCut(Offset offset) const;
  // Bytes from the batch at `from` to the high watermark; an estimate exact to a batch.
  ByteCount BytesFrom(Offset from) const;
  // Empty while online, else why not.
  std::string offline_reason() const;

  void Listen(std::shared_ptr<PartitionListener> listener, uint64_t token);
  void Unlisten(const PartitionListener& listener);

 private:
  // What opening a folder gives.
  struct Recovered {
    std::shared_ptr<Log> log;
    LeaderEpochs epochs;
    ProducerState producers;
    TransactionIndex transactions;
    Offset log_start;
    Offset durable_end;
  };
  // One consistent look, for any thread.
  struct View {
    std::shared_ptr<const Log> log;  // Null: never opened.
    PartitionOffsets offsets;
    LogEnd end;  // As of the last publish; its offset is the high watermark.
    bool closed;
  };
  struct Extent {
    ByteCount bytes;
    Offset upper;  // Nothing in the bytes is at or behind it.
  };
  struct Listening {
    std::shared_ptr<PartitionListener> listener;
    uint64_t token;
  };
  using Listeners = std::vector<Listening>;
  class Replay;

  Partition(const PartitionContext& context, Identity identity, std::string folder,
            const PartitionConfig& config);

  // Shard.
  StatusOr<Recovered> Recover();
  StatusOr<Recovered> RecoverLog();
  Status FinishCut(Recovered& found, PartitionCut cut);
  Status WriteState(checkpoint::PartitionState state, const ProducerState& producers,
                    const TransactionIndex& transactions) const;
  void HideFrom(Offset end);
  void Install(Recovered found);
  void StageJudged(MutableBytes batch, kafka::BatchHeader header, LeaderEpoch epoch,
                   AppendOutcome& outcome, runtime::CompleteAfter after);
  void StageBatch(const kafka::BatchHeader& header, BytesView bytes,
                  std::optional<kafka::ControlType> marker);
  Status CheckMirrored(const LinkName& link, std::span<const kafka::BatchView> batches);
  Status WriteLog();
  void CommitStaged();
  Status NoteMapped();
  void AnswerWritten();
  void AnswerMapped();
  void AskGateAgain(runtime::CompleteAfter after);
  void FailStaged(const Status& status);
  void TakeOffline(const Status& status);
  void PublishEnd();
  void SaveIfDue();
  Status MoveLogStart(Offset start);
  bool fsync() const { return config_.durability == Durability::kFsync; }

  // Any.
  View Look() const;
  void Notify() const;
  kafka::ErrorCode ReadError(const Status& status, Offset offset) const;
  StatusOr<FilePosition> LimitIn(const View& view, const Segment& segment, Offset limit) const;
  Offset UpperIn(const View& view, const Segment& segment, Offset limit) const;
  StatusOr<Extent> Choose(const LogPosition& start, FilePosition stop, Offset upper,
                          const ReadRequest& request) const;

  // Constant after construction.
  const PartitionContext context_;
  const Identity identity_;
  const std::string folder_;

  // Shard.
  PartitionConfig config_;
  std::shared_ptr<Log> writer_;  // Null: never opened.
  ProducerState producers_;
  Staged staged_;
  LeaderEpoch staged_epoch_ = kNoEpoch;  // Of the last batch, staged ones included.
  bool wrote_ = false;                   // Between WriteStaged and Publish.
  Status failure_;                       // OK: online.
  bool dirty_ = false;                   // Something is not in the checkpoint.
  Offset saved_end_ = kNoOffset;
  ByteCount unsaved_bytes_;
  MonotonicTime saved_at_{};
  MonotonicTime retry_at_{};
  Duration retry_after_{};

  mutable PartitionTraffic traffic_;  // Any.

  // Any. A leaf.
  mutable Mutex mutex_;
  std::shared_ptr<const Log> log_ ABSL_GUARDED_BY(mutex_);
  PartitionOffsets offsets_ ABSL_GUARDED_BY(mutex_);
  LogEnd end_ ABSL_GUARDED_BY(mutex_);
  LeaderEpochs epochs_ ABSL_GUARDED_BY(mutex_);
  TransactionIndex transactions_ ABSL_GUARDED_BY(mutex_);
  std::string offline_reason_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::shared_ptr<const Listeners> listeners_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace atl::broker
