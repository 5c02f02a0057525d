// Reads the records inside a batch, one after the other, decompressing where needed. Only for what
// semantics demand (time look-ups, keys of compacted topics, control markers); the data path never
// opens a batch. Bounded: a batch that unpacks to more than `limit` bytes, or whose lengths lie, is
// kDataLoss.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "kafka/record/batch_view.h"

namespace atl::kafka {

inline constexpr ByteCount kMaxUnpackedBatch{64 << 20};

struct RecordHeader {
  std::string_view key;
  std::optional<BytesView> value;
};

// Views into the reader's buffer; valid until the reader is destroyed or the next record is read
// (headers).
struct Record {
  Offset offset;
  Timestamp timestamp;
  std::optional<BytesView> key;
  std::optional<BytesView> value;
  std::vector<RecordHeader> headers;
};

class RecordReader {
 public:
  static StatusOr<RecordReader> Open(const BatchView& batch, ByteCount limit = kMaxUnpackedBatch);
  // True with a record, false after the last one; kDataLoss when a record's lengths lie or records
  // are missing.
  StatusOr<bool> Next(Record& record);

 private:
  RecordReader(const BatchHeader& header, Bytes owned, BytesView view);
  BatchHeader header_;
  std::shared_ptr<const Bytes> owned_;  // The unpacked records, when the batch was compressed.
  BytesView rest_;
  int32_t read_ = 0;
};

// The marker in a control batch: whether a transaction was aborted or committed (KIP-98). Other
// types are kept unread.
enum class ControlType : int16_t { kAbort = 0, kCommit = 1, kOther = -1 };
StatusOr<ControlType> ReadControlType(const BatchView& batch);

}  // namespace atl::kafka
