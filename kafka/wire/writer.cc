#include "kafka/wire/writer.h"

#include <limits>

namespace atl::kafka {

void Writer::PutUnsigned(uint32_t value) {
  std::byte encoded[5];
  size_t count = 0;
  while (value >= 0x80) {
    encoded[count++] = static_cast<std::byte>((value & 0x7F) | 0x80);
    value >>= 7;
  }
  encoded[count++] = static_cast<std::byte>(value);
  out_.Append(BytesView(encoded, count));
}

void Writer::PutLength(LengthKind kind, size_t length) {
  // A compact string may be longer on the wire, but Kafka holds every string to 32767 bytes.
  const size_t limit = kind == LengthKind::kString ? std::numeric_limits<int16_t>::max()
                                                   : std::numeric_limits<int32_t>::max();
  if (length > limit) {
    ok_ = false;
    return;
  }
  if (flexible_) return PutUnsigned(static_cast<uint32_t>(length) + 1);
  if (kind == LengthKind::kString)
    StoreBig(out_.Extend(2), static_cast<int16_t>(length));
  else
    StoreBig(out_.Extend(4), static_cast<int32_t>(length));
}

void Writer::PutNull(LengthKind kind, bool nullable) {
  if (!nullable) return PutLength(kind, 0);
  if (flexible_) return PutUnsigned(0);
  if (kind == LengthKind::kString)
    StoreBig(out_.Extend(2), int16_t{-1});
  else
    StoreBig(out_.Extend(4), int32_t{-1});
}

void Writer::PutText(std::string_view text) {
  PutLength(LengthKind::kString, text.size());
  if (ok_) out_.Append(AsBytes(text));
}

void Writer::PutRecords(const RecordData& records) {
  if (records.is_null()) return PutNull(LengthKind::kArray, true);
  PutLength(LengthKind::kArray, records.total_bytes());
  if (!ok_) return;
  out_.AppendChunk(records.view());
  for (const RecordChunk& chunk : records.chunks()) out_.AppendChunk(chunk);
}

}  // namespace atl::kafka
