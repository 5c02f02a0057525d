// A record batch of format v2 (magic 2) as it lies in a log or on the wire; never owns its bytes.
// Layout (big-endian): baseOffset i64@0, length i32@8, partitionLeaderEpoch i32@12, magic i8@16,
// crc u32@17, attributes i16@21, lastOffsetDelta i32@23, baseTimestamp i64@27, maxTimestamp i64@35,
// producerId i64@43, producerEpoch i16@51, baseSequence i32@53, recordCount i32@57, records@61. The
// CRC-32C covers byte 21 to the end, so base offset and leader epoch can be stamped without
// touching it.
#pragma once

#include "base/bytes.h"
#include "base/status.h"
#include "base/types.h"

namespace atl::kafka {

inline constexpr size_t kBatchHeaderBytes = 61;
inline constexpr size_t kBatchLengthOffset = 8;    // Where the length field lies.
inline constexpr size_t kBatchOverheadBytes = 12;  // Bytes that the length field does not count.
inline constexpr size_t kBatchMagicOffset = 16;
inline constexpr size_t kBatchCrcOffset = 17;
inline constexpr size_t kBatchCrcStart = 21;  // First byte that the CRC covers.
inline constexpr int8_t kBatchMagic = 2;
// Bits of the attributes.
inline constexpr int16_t kCodecBits = 0x07;
inline constexpr int16_t kLogAppendTimeBit = 0x08;
inline constexpr int16_t kTransactionalBit = 0x10;
inline constexpr int16_t kControlBit = 0x20;

enum class Codec : int8_t { kNone = 0, kGzip = 1, kSnappy = 2, kLz4 = 3, kZstd = 4 };
enum class TimestampType : int8_t { kCreateTime = 0, kLogAppendTime = 1 };

// The 61 bytes of a batch's header, by value. What a reader needs to walk a log.
class BatchHeader {
 public:
  // `bytes` starts at a batch and holds at least kBatchHeaderBytes. Refuses (kDataLoss) another
  // magic, a length below the header's, a negative record count or last offset delta, a base offset
  // below 0. Checks no CRC.
  static StatusOr<BatchHeader> Parse(BytesView bytes);

  Offset base_offset;
  int32_t length = 0;  // As in the field: bytes after it.
  LeaderEpoch leader_epoch;
  uint32_t crc = 0;
  int16_t attributes = 0;
  int32_t last_offset_delta = 0;
  Timestamp base_timestamp;
  Timestamp max_timestamp;
  ProducerId producer_id;
  ProducerEpoch producer_epoch;
  Sequence base_sequence;
  int32_t record_count = 0;

  size_t total_bytes() const { return kBatchOverheadBytes + static_cast<size_t>(length); }
  Offset last_offset() const { return base_offset + RecordCount(last_offset_delta); }
  Offset next_offset() const { return base_offset + RecordCount(int64_t{last_offset_delta} + 1); }
  // The sequence of the last record; kNoSequence without an idempotent producer.
  Sequence last_sequence() const {
    return base_sequence == kNoSequence ? kNoSequence : base_sequence.Plus(last_offset_delta);
  }
  Codec codec() const { return static_cast<Codec>(attributes & kCodecBits); }
  TimestampType timestamp_type() const {
    return (attributes & kLogAppendTimeBit) != 0 ? TimestampType::kLogAppendTime
                                                 : TimestampType::kCreateTime;
  }
  bool is_transactional() const { return (attributes & kTransactionalBit) != 0; }
  bool is_control() const { return (attributes & kControlBit) != 0; }
  bool has_producer() const { return producer_id >= ProducerId(0); }
};

// A whole batch: header and records.
class BatchView {
 public:
  // The batch at the start of `bytes`. kOutOfRange when `bytes` ends before the batch does (a
  // partial one at the end of a fetch or a torn one at the end of a file); kDataLoss when it is no
  // batch. Checks no CRC.
  static StatusOr<BatchView> Parse(BytesView bytes);

  const BatchHeader& header() const { return header_; }
  BytesView bytes() const { return bytes_; }
  BytesView records() const { return bytes_.subspan(kBatchHeaderBytes); }
  bool CrcMatches() const;

 private:
  BatchView(const BatchHeader& header, BytesView bytes) : header_(header), bytes_(bytes) {}
  BatchHeader header_;
  BytesView bytes_;
};

// Stamps a batch in place; neither field is under the CRC.
void StampBatch(MutableBytes batch, Offset base_offset, LeaderEpoch epoch);
// Makes it a batch of nobody and of no transaction: no producer, and the CRC mended.
void StampNoProducer(MutableBytes batch);
// Sets log-append time: attribute bit 3 and the max timestamp, and mends the CRC.
void StampLogAppendTime(MutableBytes batch, Timestamp now);

}  // namespace atl::kafka
