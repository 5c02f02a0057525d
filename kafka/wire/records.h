// Record batches as a field of a message. Reading gives one view into the frame; writing takes a
// list of chunks (bytes or stretches of a segment file) that travel to the socket without being
// copied. A view must outlive the message and every WireBuffer that it was written into; owned
// bytes and file slices keep themselves alive. The bytes are opaque here: kafka/record reads them.
#pragma once

#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/file.h"

namespace atl::kafka {

// Bytes kept alive by whatever `owner` is.
struct SharedBytes {
  std::shared_ptr<const void> owner;
  BytesView bytes;
};
inline SharedBytes ShareBytes(std::shared_ptr<const Bytes> bytes) {
  const BytesView view(*bytes);
  return {std::move(bytes), view};
}

// Borrowed bytes, owned bytes, or a stretch of a file.
using RecordChunk = std::variant<BytesView, SharedBytes, FileSlice>;
size_t ChunkBytes(const RecordChunk& chunk);

class RecordData {
 public:
  RecordData() = default;  // Null.
  explicit RecordData(BytesView view) : view_(view), null_(false) {}

  // Not null, no bytes yet: how Kafka answers a fetch that found nothing.
  static RecordData Empty() { return RecordData(BytesView()); }

  // Puts a chunk behind what is there; null becomes not null.
  void Append(RecordChunk chunk);

  bool is_null() const { return null_; }
  bool empty() const { return total_bytes() == 0; }
  size_t total_bytes() const { return view_.size() + chunk_bytes_; }
  // What was read, or given to the constructor; empty when null. Appended chunks are not in it.
  BytesView view() const { return view_; }
  const std::vector<RecordChunk>& chunks() const { return chunks_; }

 private:
  BytesView view_;                   // Comes before the chunks.
  std::vector<RecordChunk> chunks_;  // Empty after reading.
  size_t chunk_bytes_ = 0;           // Invariant: the sum over chunks_.
  bool null_ = true;
};

}  // namespace atl::kafka
