#include "kafka/wire/reader.h"

namespace atl::kafka {

void Reader::Fail(const char* problem) {
  if (!ok()) return;
  problem_ = problem;
  problem_at_ = static_cast<size_t>(rest_.data() - begin_);
  rest_ = {};
}

Status Reader::status(std::string_view message_name) const {
  if (ok()) return OkStatus();
  return Corrupt("{} v{}: field {}: {} (byte {})", message_name, version_, field_, problem_,
                 problem_at_);
}

BytesView Reader::Take(size_t count) {
  if (count > rest_.size()) {
    Fail("ends too early");
    return {};
  }
  const BytesView taken = rest_.first(count);
  rest_ = rest_.subspan(count);
  return taken;
}

uint32_t Reader::GetUnsigned() {
  uint32_t value = 0;
  if (!ReadUnsignedVarint(rest_, value)) Fail("bad varint");
  return value;
}

int64_t Reader::CheckLength(int64_t length, bool nullable) {
  if (!ok()) return kFailed;
  if (length == kNull && nullable) return kNull;
  if (length < 0) {
    Fail(length == kNull ? "null where null is not allowed" : "negative length");
    return kFailed;
  }
  if (static_cast<uint64_t>(length) > rest_.size()) {
    Fail("length above the bytes left");
    return kFailed;
  }
  return length;
}

int64_t Reader::GetStringLength(bool nullable) {
  if (flexible_) return CheckLength(int64_t{GetUnsigned()} - 1, nullable);
  const BytesView bytes = Take(2);
  return CheckLength(bytes.empty() ? 0 : LoadBig<int16_t>(bytes.data()), nullable);
}

int64_t Reader::GetArrayLength(bool nullable) {
  if (flexible_) return CheckLength(int64_t{GetUnsigned()} - 1, nullable);
  const BytesView bytes = Take(4);
  return CheckLength(bytes.empty() ? 0 : LoadBig<int32_t>(bytes.data()), nullable);
}

// Kafka's "bytes": framed like an array of bytes, taken in one piece.
void Reader::GetArray(Bytes& bytes, size_t count) {
  const BytesView taken = Take(count);
  bytes.assign(taken.begin(), taken.end());
}

bool Reader::SpendMemory(size_t count, size_t element_bytes) {
  if (count > array_memory_ / element_bytes) return false;
  array_memory_ -= count * element_bytes;
  return true;
}

}  // namespace atl::kafka
