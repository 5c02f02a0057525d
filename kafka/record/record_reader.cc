#include "kafka/record/record_reader.h"

#include <utility>

#include "base/varint.h"
#include "kafka/record/compression.h"

namespace atl::kafka {
namespace {

// A record's or header's field: length (-1: null) and bytes.
bool ReadField(BytesView& in, std::optional<BytesView>& field) {
  int32_t length = 0;
  if (!ReadVarint(in, length) || length < -1 || length > std::ssize(in)) return false;
  field = std::nullopt;
  if (length < 0) return true;
  field = in.first(static_cast<size_t>(length));
  in = in.subspan(static_cast<size_t>(length));
  return true;
}

bool ReadHeaders(BytesView& in, std::vector<RecordHeader>& headers) {
  constexpr int32_t kSmallestHeader = 2;
  int32_t count = 0;
  headers.clear();
  if (!ReadVarint(in, count) || count < 0 || count > std::ssize(in) / kSmallestHeader) {
    return false;
  }
  for (int32_t i = 0; i < count; ++i) {
    std::optional<BytesView> key;
    std::optional<BytesView> value;
    if (!ReadField(in, key) || !key || !ReadField(in, value)) return false;
    headers.push_back({AsText(*key), value});
  }
  return true;
}

// Adds without the undefined behaviour that a lying delta could bring about.
int64_t WrappingAdd(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}

bool ReadRecord(const BatchHeader& header, BytesView body, Record& record) {
  if (body.empty()) return false;
  body = body.subspan(1);  // Attributes: none are defined.
  int64_t timestamp_delta = 0;
  int32_t offset_delta = 0;
  if (!ReadVarlong(body, timestamp_delta) || !ReadVarint(body, offset_delta)) return false;
  if (offset_delta < 0 || offset_delta > header.last_offset_delta) return false;
  record.offset = header.base_offset + RecordCount(offset_delta);
  record.timestamp = header.timestamp_type() == TimestampType::kLogAppendTime
                         ? header.max_timestamp
                         : Timestamp(WrappingAdd(header.base_timestamp.value(), timestamp_delta));
  return ReadField(body, record.key) && ReadField(body, record.value) &&
         ReadHeaders(body, record.headers) && body.empty();
}

}  // namespace

RecordReader::RecordReader(const BatchHeader& header, Bytes owned, BytesView view)
    : header_(header), rest_(view) {
  if (owned.empty()) return;
  owned_ = std::make_shared<const Bytes>(std::move(owned));
  rest_ = *owned_;
}

StatusOr<RecordReader> RecordReader::Open(const BatchView& batch, ByteCount limit) {
  const BatchHeader& header = batch.header();
  // A batch that compaction has emptied keeps its codec bits and has nothing to unpack.
  if (header.codec() == Codec::kNone || batch.records().empty()) {
    return RecordReader(header, Bytes(), batch.records());
  }
  StatusOr<Bytes> unpacked = Decompress(header.codec(), batch.records(), limit);
  if (!unpacked.ok()) {
    return Corrupt("batch at offset {}: {}", header.base_offset.value(),
                   StatusMessage(unpacked.status()));
  }
  return RecordReader(header, *std::move(unpacked), BytesView());
}

StatusOr<bool> RecordReader::Next(Record& record) {
  const int64_t base = header_.base_offset.value();
  if (read_ == header_.record_count) {
    if (rest_.empty()) return false;
    return Corrupt("batch at offset {}: {} bytes after its {} records", base, rest_.size(),
                   header_.record_count);
  }
  int32_t length = 0;
  if (!ReadVarint(rest_, length) || length < 0 || length > std::ssize(rest_)) {
    return Corrupt("batch at offset {}: record {} of {} is cut short", base, read_,
                   header_.record_count);
  }
  const BytesView body = rest_.first(static_cast<size_t>(length));
  rest_ = rest_.subspan(body.size());
  if (!ReadRecord(header_, body, record)) {
    return Corrupt("batch at offset {}: record {} of {} is malformed", base, read_,
                   header_.record_count);
  }
  ++read_;
  return true;
}

StatusOr<ControlType> ReadControlType(const BatchView& batch) {
  const int64_t base = batch.header().base_offset.value();
  if (!batch.header().is_control()) {
    return InvalidArgument("batch at offset {} is no control batch", base);
  }
  ASSIGN_OR_RETURN(RecordReader reader, RecordReader::Open(batch));
  Record record;
  ASSIGN_OR_RETURN(const bool found, reader.Next(record));
  if (!found) return ControlType::kOther;  // Compaction has removed the marker.
  constexpr size_t kKeyBytes = 4;          // Version i16, type i16; later versions may add more.
  if (!record.key || record.key->size() < kKeyBytes) {
    return Corrupt("control batch at offset {}: key too short", base);
  }
  switch (LoadBig<int16_t>(record.key->data() + 2)) {
    case static_cast<int16_t>(ControlType::kAbort):
      return ControlType::kAbort;
    case static_cast<int16_t>(ControlType::kCommit):
      return ControlType::kCommit;
    default:
      return ControlType::kOther;
  }
}

}  // namespace atl::kafka
