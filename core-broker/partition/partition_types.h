// What a partition takes and gives: its configuration, the outcomes of appends and reads, and the
// world that it leans on. Plain values. Kafka's error codes are values here, because clients tell
// them apart; what a mirror is told is a Status, because it has one answer to all of them: locate
// again.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/metrics.h"
#include "base/types.h"
#include "checkpoint/partition_state_table.h"
#include "core-broker/log/log.h"
#include "core-broker/partition/companion.h"
#include "core-broker/partition/gate.h"
#include "core-broker/partition/producer_state.h"
#include "core-broker/partition/transaction_index.h"
#include "kafka/record/batch_view.h"
#include "kafka/wire/error_code.h"

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
  LogCompanion* companion = nullptr;  // Of fan-in topics; null: there are none.
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

struct MappedOutcome {
  Status status;               // As a mirror's.
  Offset base = kNoOffset;     // Of the first batch.
  Offset log_end = kNoOffset;  // After this append.
};

struct PartitionOffsets {
  Offset log_start;
  Offset last_stable;
  Offset high_watermark;
  Offset durable_end;
  Offset log_end;
};

// What clients wrote and read since the process started. Any thread.
struct PartitionTraffic {
  std::atomic<int64_t> produced_records{0};
  std::atomic<int64_t> produced_bytes{0};
  std::atomic<int64_t> consumed_records{0};
  std::atomic<int64_t> consumed_bytes{0};
};

struct ReadRequest {
  Offset offset;
  ByteCount max_bytes;
  // The first batch comes whole even when it is bigger than max_bytes (KIP-74).
  bool whole_first_batch = true;
  Isolation isolation = Isolation::kReadUncommitted;
};

struct ReadOutcome {
  kafka::ErrorCode error =
      kafka::ErrorCode::kNone;  // kOffsetOutOfRange, kKafkaStorageError, kCorruptMessage
  PartitionOffsets offsets;
  std::vector<FileSlice>
      slices;  // Whole batches from the one that contains `offset`; ends at a batch where cheap.
  ByteCount bytes{0};
  Offset end = kNoOffset;  // Nothing in the slices is at or behind it; kNoOffset without any.
  std::vector<AbortedTransaction>
      aborted;  // With kReadCommitted: those that overlap, by first offset.
};

struct TimestampedOffset {
  Offset offset = kNoOffset;  // kNoOffset and kNoTimestamp: none.
  Timestamp timestamp = kNoTimestamp;
  LeaderEpoch epoch = kNoEpoch;
};

// What a log is when it ends at `at`: behind the last batch that lies whole below the offset asked
// for. At or below the log start: nothing is left, and the log begins anew at `at`.
struct PartitionCut {
  Offset at;
  ProducerState producers;
  TransactionIndex transactions;
};

}  // namespace atl::broker
