#include "kafka/record/batch_view.h"

#include <limits>

#include "base/crc32c.h"

namespace atl::kafka {
namespace {

constexpr size_t kEpochOffset = 12;
constexpr size_t kAttributesOffset = 21;
constexpr size_t kMaxTimestampOffset = 35;
constexpr size_t kProducerIdOffset = 43;
constexpr size_t kProducerEpochOffset = 51;
constexpr size_t kBaseSequenceOffset = 53;
constexpr int32_t kMinimumLength = kBatchHeaderBytes - kBatchOverheadBytes;

uint32_t ComputeCrc(BytesView batch) { return Crc32c(batch.subspan(kBatchCrcStart)); }

}  // namespace

StatusOr<BatchHeader> BatchHeader::Parse(BytesView bytes) {
  if (bytes.size() < kBatchHeaderBytes) {
    return OutOfRange("batch header: {} bytes of {}", bytes.size(), kBatchHeaderBytes);
  }
  const std::byte* at = bytes.data();
  BatchHeader header;
  header.base_offset = Offset(LoadBig<int64_t>(at));
  header.length = LoadBig<int32_t>(at + kBatchLengthOffset);
  header.leader_epoch = LeaderEpoch(LoadBig<int32_t>(at + kEpochOffset));
  const auto magic = static_cast<int8_t>(at[kBatchMagicOffset]);
  header.crc = LoadBig<uint32_t>(at + kBatchCrcOffset);
  header.attributes = LoadBig<int16_t>(at + kAttributesOffset);
  header.last_offset_delta = LoadBig<int32_t>(at + 23);
  header.base_timestamp = Timestamp(LoadBig<int64_t>(at + 27));
  header.max_timestamp = Timestamp(LoadBig<int64_t>(at + kMaxTimestampOffset));
  header.producer_id = ProducerId(LoadBig<int64_t>(at + kProducerIdOffset));
  header.producer_epoch = ProducerEpoch(LoadBig<int16_t>(at + kProducerEpochOffset));
  header.base_sequence = Sequence(LoadBig<int32_t>(at + kBaseSequenceOffset));
  header.record_count = LoadBig<int32_t>(at + 57);

  const int64_t base = header.base_offset.value();
  if (magic != kBatchMagic) return Corrupt("batch at offset {}: magic {}", base, magic);
  if (header.length < kMinimumLength) {
    return Corrupt("batch at offset {}: length {} is below the header's {}", base, header.length,
                   kMinimumLength);
  }
  if (header.record_count < 0) {
    return Corrupt("batch at offset {}: record count {}", base, header.record_count);
  }
  if (header.last_offset_delta < 0) {
    return Corrupt("batch at offset {}: last offset delta {}", base, header.last_offset_delta);
  }
  // The offset behind the batch must be an offset too.
  if (base < 0 || base >= std::numeric_limits<int64_t>::max() - header.last_offset_delta) {
    return Corrupt("batch: base offset {}, last offset delta {}", base, header.last_offset_delta);
  }
  return header;
}

StatusOr<BatchView> BatchView::Parse(BytesView bytes) {
  ASSIGN_OR_RETURN(const BatchHeader header, BatchHeader::Parse(bytes));
  if (header.total_bytes() > bytes.size()) {
    return OutOfRange("batch at offset {}: {} bytes of {}", header.base_offset.value(),
                      bytes.size(), header.total_bytes());
  }
  return BatchView(header, bytes.first(header.total_bytes()));
}

bool BatchView::CrcMatches() const { return ComputeCrc(bytes_) == header_.crc; }

void StampBatch(MutableBytes batch, Offset base_offset, LeaderEpoch epoch) {
  StoreBig(batch.data(), base_offset.value());
  StoreBig(batch.data() + kEpochOffset, epoch.value());
}

void StampNoProducer(MutableBytes batch) {
  const auto attributes = LoadBig<int16_t>(batch.data() + kAttributesOffset);
  StoreBig(batch.data() + kAttributesOffset, static_cast<int16_t>(attributes & ~kTransactionalBit));
  StoreBig(batch.data() + kProducerIdOffset, kNoProducer.value());
  StoreBig(batch.data() + kProducerEpochOffset, kNoProducerEpoch.value());
  StoreBig(batch.data() + kBaseSequenceOffset, kNoSequence.value());
  StoreBig(batch.data() + kBatchCrcOffset, ComputeCrc(batch));
}

void StampLogAppendTime(MutableBytes batch, Timestamp now) {
  const auto attributes = LoadBig<int16_t>(batch.data() + kAttributesOffset);
  StoreBig(batch.data() + kAttributesOffset, static_cast<int16_t>(attributes | kLogAppendTimeBit));
  StoreBig(batch.data() + kMaxTimestampOffset, now.value());
  StoreBig(batch.data() + kBatchCrcOffset, ComputeCrc(batch));
}

}  // namespace atl::kafka
