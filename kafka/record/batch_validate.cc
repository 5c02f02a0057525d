#include "kafka/record/batch_validate.h"

#include <fmt/format.h>

#include <limits>
#include <utility>

#include "base/crc32c.h"
#include "kafka/record/record_reader.h"

namespace atl::kafka {
namespace {

template <class... Args>
Verdict Refuse(ErrorCode error, fmt::format_string<Args...> format, Args&&... args) {
  Verdict verdict;
  verdict.error = error;
  verdict.message = fmt::format(format, std::forward<Args>(args)...);
  return verdict;
}

bool IsKnown(Codec codec) { return codec <= Codec::kZstd; }

// What must be right before the bytes can be taken for one batch of magic 2. On success `batch` is
// set; its CRC has been checked.
Verdict CheckFrame(BytesView records, const ProduceRules& rules, std::optional<BatchView>& batch) {
  if (records.size() < kBatchHeaderBytes) {
    return Refuse(ErrorCode::kInvalidRecord,
                  "Produce requests with version {} must have at least one record batch per "
                  "partition; there are {} bytes",
                  rules.api_version, records.size());
  }
  const auto magic = static_cast<int8_t>(records[kBatchMagicOffset]);
  if (magic != kBatchMagic) {
    return Refuse(ErrorCode::kInvalidRecord,
                  "Produce requests with version {} are only allowed to contain record batches "
                  "with magic version 2, not {}",
                  rules.api_version, magic);
  }
  const auto length = LoadBig<int32_t>(records.data() + kBatchLengthOffset);
  const int64_t total = int64_t{length} + static_cast<int64_t>(kBatchOverheadBytes);
  if (total < static_cast<int64_t>(kBatchHeaderBytes) || total > std::ssize(records)) {
    return Refuse(ErrorCode::kCorruptMessage, "Batch length {} does not fit {} bytes of records",
                  length, records.size());
  }
  if (total < std::ssize(records)) {
    return Refuse(ErrorCode::kInvalidRecord,
                  "Produce requests with version {} are only allowed to contain exactly one record "
                  "batch per partition; {} bytes follow it",
                  rules.api_version, std::ssize(records) - total);
  }
  if (ByteCount(total) > rules.max_message_bytes) {
    return Refuse(ErrorCode::kMessageTooLarge,
                  "The record batch size is {} bytes which exceeds the maximum configured value "
                  "of {}",
                  total, rules.max_message_bytes.value());
  }
  // The CRC comes before every field under it: a flipped bit must not look like a client's fault.
  const auto stored_crc = LoadBig<uint32_t>(records.data() + kBatchCrcOffset);
  if (Crc32c(records.subspan(kBatchCrcStart)) != stored_crc) {
    return Refuse(ErrorCode::kCorruptMessage, "Record is corrupt (stored crc = {})", stored_crc);
  }
  const StatusOr<BatchView> parsed = BatchView::Parse(records);
  if (!parsed.ok()) return Refuse(ErrorCode::kInvalidRecord, "{}", StatusMessage(parsed.status()));
  batch.emplace(*parsed);
  return {};
}

// Kafka's LogValidator.validateBatch, and ProduceRequest's rule for zstd.
Verdict CheckHeader(const BatchHeader& header, const ProduceRules& rules) {
  if (header.base_offset != Offset(0)) {
    return Refuse(ErrorCode::kInvalidRecord,
                  "The baseOffset of the record batch should be 0, "
                  "but it is {}",
                  header.base_offset.value());
  }
  if (!IsKnown(header.codec())) {
    return Refuse(ErrorCode::kUnsupportedCompressionType, "Unknown compression type id {}",
                  static_cast<int>(header.codec()));
  }
  if (header.codec() == Codec::kZstd && rules.api_version < 7) {
    return Refuse(ErrorCode::kUnsupportedCompressionType,
                  "Produce requests with version {} are not allowed to use ZStandard compression",
                  rules.api_version);
  }
  if (header.record_count == 0) {
    return Refuse(ErrorCode::kInvalidRecord, "Invalid reported count for record batch: 0");
  }
  if (int64_t{header.last_offset_delta} + 1 != header.record_count) {
    return Refuse(ErrorCode::kInvalidRecord,
                  "Inconsistent batch offset range [0, {}] and count of records {}",
                  header.last_offset_delta, header.record_count);
  }
  if (header.is_control()) {
    return Refuse(ErrorCode::kInvalidRecord, "Clients are not allowed to write control records");
  }
  if (header.has_producer() && header.base_sequence.value() < 0) {
    return Refuse(ErrorCode::kInvalidRecord,
                  "Invalid sequence number {} in record batch with producerId {}",
                  header.base_sequence.value(), header.producer_id.value());
  }
  if (header.timestamp_type() == TimestampType::kLogAppendTime) {
    return Refuse(ErrorCode::kInvalidTimestamp,
                  "Invalid timestamp type in message. Producer should not set timestamp type to "
                  "LogAppendTime");
  }
  return {};
}

// The span that message.timestamp.before/after.max.ms leave around now. Whole when the topic's time
// is set here.
struct TimeBounds {
  int64_t earliest = std::numeric_limits<int64_t>::min();
  int64_t latest = std::numeric_limits<int64_t>::max();

  explicit TimeBounds(const ProduceRules& rules) {
    if (rules.timestamp_type != TimestampType::kCreateTime) return;
    const int64_t now = rules.now.value();
    int64_t bound = 0;
    if (rules.before_max_ms && !__builtin_sub_overflow(now, *rules.before_max_ms, &bound)) {
      earliest = bound;
    }
    if (rules.after_max_ms && !__builtin_add_overflow(now, *rules.after_max_ms, &bound)) {
      latest = bound;
    }
  }
  // A record without a timestamp is never out of bounds.
  bool Holds(Timestamp at) const {
    return at == kNoTimestamp || (at.value() >= earliest && at.value() <= latest);
  }
  bool has_earliest() const { return earliest != std::numeric_limits<int64_t>::min(); }
};

Verdict RefuseTimestamp(Timestamp at, Offset offset, const TimeBounds& bounds) {
  return Refuse(ErrorCode::kInvalidTimestamp,
                "Timestamp {} of message with offset {} is out of range. The timestamp should be "
                "within [{}, {}]",
                at.value(), offset.value(), bounds.earliest, bounds.latest);
}

// Opens the batch.
Verdict CheckRecords(const BatchView& batch, const ProduceRules& rules, const TimeBounds& bounds) {
  StatusOr<RecordReader> reader = RecordReader::Open(batch);
  if (!reader.ok()) return Refuse(ErrorCode::kInvalidRecord, "{}", StatusMessage(reader.status()));
  Record record;
  for (int32_t index = 0;; ++index) {
    const StatusOr<bool> more = reader->Next(record);
    if (!more.ok()) return Refuse(ErrorCode::kInvalidRecord, "{}", StatusMessage(more.status()));
    if (!*more) return {};
    Verdict verdict;
    if (rules.needs_keys && !record.key) {
      verdict = Refuse(ErrorCode::kInvalidRecord,
                       "Compacted topic cannot accept message without key (record {})", index);
    } else if (!bounds.Holds(record.timestamp)) {
      verdict = RefuseTimestamp(record.timestamp, record.offset, bounds);
    }
    if (!verdict.ok()) {
      verdict.record_index = index;
      return verdict;
    }
  }
}

}  // namespace

Verdict ValidateProduced(BytesView records, const ProduceRules& rules) {
  std::optional<BatchView> batch;
  if (Verdict verdict = CheckFrame(records, rules, batch); !verdict.ok()) return verdict;
  const BatchHeader& header = batch->header();
  if (Verdict verdict = CheckHeader(header, rules); !verdict.ok()) return verdict;

  // The header holds the latest time but not the earliest.
  const TimeBounds bounds(rules);
  if (!bounds.Holds(header.max_timestamp)) {
    return RefuseTimestamp(header.max_timestamp, header.last_offset(), bounds);
  }
  if (rules.needs_keys || bounds.has_earliest()) return CheckRecords(*batch, rules, bounds);
  return {};
}

Status ValidateMirrored(const BatchView& batch) {
  const BatchHeader& header = batch.header();
  const int64_t base = header.base_offset.value();
  if (!batch.CrcMatches()) return Corrupt("batch at offset {}: crc mismatch", base);
  if (!IsKnown(header.codec())) {
    return Corrupt("batch at offset {}: codec {}", base, static_cast<int>(header.codec()));
  }
  // Compaction leaves fewer records than offsets, never more.
  if (header.record_count > int64_t{header.last_offset_delta} + 1) {
    return Corrupt("batch at offset {}: record count {} above last offset delta {}", base,
                   header.record_count, header.last_offset_delta);
  }
  constexpr size_t kSmallestRecord = 7;  // Every field in one byte.
  if (header.codec() == Codec::kNone &&
      static_cast<size_t>(header.record_count) > batch.records().size() / kSmallestRecord) {
    return Corrupt("batch at offset {}: record count {} in {} bytes", base, header.record_count,
                   batch.records().size());
  }
  return OkStatus();
}

}  // namespace atl::kafka
