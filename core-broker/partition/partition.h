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

#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/metrics.h"
#include "base/types.h"
#include "base/uuid.h"
#include "core-broker/log/log.h"
#include "core-broker/partition/gate.h"
#include "core-broker/partition/leader_epochs.h"
#include "core-broker/partition/producer_state.h"
#include "kafka/record/batch_view.h"
#include "kafka/wire/error_code.h"
#include "runtime/storage_shards.h"

namespace atl::checkpoint {
class PartitionStateTable;
}

namespace atl::broker {

enum class Durability { kFsync, kOs };
enum class Isolation : int8_t { kReadUncommitted = 0, kReadCommitted = 1 };

// What of a topic's configuration the partition itself needs. Changed as a whole by SetConfig.
struct PartitionConfig {
  LogConfig log;
  Durability durability = Durability::kFsync;
  kafka::TimestampType timestamp_type = kafka::TimestampType::kCreateTime;
};

// Everything a partition leans on; outlives all partitions.
struct PartitionContext {
  FileSystem& files;
  Clock& clock;
  Metrics& metrics;
  checkpoint::PartitionStateTable& states;
  const OwnershipGate& gate;
};

struct AppendOutcome {
  kafka::ErrorCode error = kafka::ErrorCode::kNone;
  std::string message;
  Offset base_offset = kNoOffset;
  Timestamp log_append_time = kNoTimestamp;
  Offset log_start = kNoOffset;
};

struct MirrorOutcome {
  Status status;  // kFailedPrecondition: refused by gate or continuity; nothing was appended.
  Offset log_end = kNoOffset;  // After this append, durable when the topic's durability is fsync.
};

struct PartitionOffsets {
  Offset log_start;
  Offset last_stable;
  Offset high_watermark;
  Offset durable_end;
  Offset log_end;
};

struct ReadRequest {
  Offset offset;
  ByteCount max_bytes;
  // The first batch comes whole even when it is bigger than max_bytes (KIP-74).
  bool whole_first_batch = true;
  Isolation isolation = Isolation::kReadUncommitted;
};

struct AbortedTransaction {
  ProducerId producer_id;
  Offset first_offset;
};

struct ReadOutcome {
  kafka::ErrorCode error =
      kafka::ErrorCode::kNone;  // kOffsetOutOfRange, kKafkaStorageError, kCorruptMessage
  PartitionOffsets offsets;
  std::vector<FileSlice>
      slices;  // Whole batches from the one that contains `offset`; ends at a batch where cheap.
  ByteCount bytes{0};
  std::vector<AbortedTransaction>
      aborted;  // With kReadCommitted: those that overlap, by first offset.
};

struct TimestampedOffset {
  Offset offset = kNoOffset;  // kNoOffset and kNoTimestamp: none.
  Timestamp timestamp = kNoTimestamp;
  LeaderEpoch epoch = kNoEpoch;
};

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
  ~Partition() override;

  const Identity& identity() const { return identity_; }

  // --- Shard ---
  // A client's validated batch (kafka::ValidateProduced). Stamps base offset and epoch into it; its
  // bytes must stay until the turn is over. `outcome` is filled at once on a refusal or a
  // duplicate, else by WriteStaged, and corrected by Publish when the sync or the second question
  // to the gate fails; it must stay alive as long.
  void StageAppend(MutableBytes batch, AppendOutcome& outcome);
  // Batches from a mirror's source, verbatim: base offsets rise from the log end (holes are legal),
  // epochs never fall. All or none of them. Bytes and outcome as above.
  void StageMirrorAppend(const LinkName& link, std::span<const kafka::BatchView> batches,
                         MirrorOutcome& outcome);
  // DeleteRecords: the log now starts at `before` (kNoOffset: at the high watermark). Durable
  // before it is published.
  kafka::ErrorCode AdvanceLogStart(Offset before);
  // A mirror's log begins anew at `start`: what it held is removed. For a first start and for a gap
  // that is skipped.
  Status RestartAt(Offset start);
  // Removes segments that are past retention.time or over retention.bytes. Never the active one's
  // unread records.
  Status ApplyRetention();
  // Writes recovery point, epochs, producers and transactions to the checkpoint, if anything
  // changed since.
  Status SaveState(bool clean);
  // After an error: closes the log, recovers it, goes online. Acknowledged records are still there
  // or the answer is an error.
  Status Reopen();
  void SetConfig(const PartitionConfig& config);
  // No more appends; reads answer an error. The files stay.
  void Close();
  File* WriteStaged() override;
  void Publish(const Status& sync) override;

  // --- Any ---
  PartitionOffsets offsets() const;
  ReadOutcome Read(const ReadRequest& request) const;
  // First record with a timestamp at or above `at`, exact to the record, below high watermark or
  // last stable offset.
  StatusOr<TimestampedOffset> FindTimestamp(Timestamp at, Isolation isolation) const;
  // ListOffsets -3 (KIP-734): the record with the highest timestamp.
  StatusOr<TimestampedOffset> FindMaxTimestamp() const;
  // The header of the batch that contains `offset`; kNotFound when there is none.
  StatusOr<kafka::BatchHeader> BatchAt(Offset offset) const;
  // OffsetForLeaderEpoch: the largest epoch <= `epoch` here, and where it ends. {kNoEpoch,
  // kNoOffset} when unknown.
  EpochEnd EndOfEpoch(LeaderEpoch epoch) const;
  LeaderEpoch last_epoch() const;  // Of the last batch; kNoEpoch in an empty log.
  ByteCount size_bytes() const;
  // Bytes from the batch at `from` to the high watermark; an estimate exact to a batch.
  ByteCount BytesFrom(Offset from) const;
  // Empty while online, else why not.
  std::string offline_reason() const;

  void Listen(std::shared_ptr<PartitionListener> listener, uint64_t token);
  void Unlisten(const PartitionListener& listener);

 private:
  // (left to the implementation)
};

}  // namespace atl::broker
