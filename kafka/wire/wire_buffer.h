// An encoded frame on its way to a socket: one growing run of bytes for everything that a Writer
// produces, with record chunks (bytes or file slices) referred to between them, so that a Fetch
// response leaves by gather write and sendfile without copying a record. One owner, no lock.
// Invariant: chunks are ordered by `at`, their place in the run of bytes.
#pragma once

#include <memory>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "kafka/wire/records.h"

namespace atl::kafka {

// The next thing to send; valid as long as the WireBuffer is not written to.
using WirePiece = std::variant<BytesView, const FileSlice*>;

class WireBuffer {
 public:
  WireBuffer() = default;
  WireBuffer(WireBuffer&& other) noexcept;
  WireBuffer& operator=(WireBuffer&& other) noexcept;

  // `count` more bytes at the end, for the caller to fill at once.
  std::byte* Extend(size_t count) {
    if (capacity_ - size_ < count) [[unlikely]]
      Grow(count);
    std::byte* at = bytes_.get() + size_;
    size_ += count;
    return at;
  }
  void Append(BytesView bytes) {
    if (!bytes.empty()) std::memcpy(Extend(bytes.size()), bytes.data(), bytes.size());
  }
  // Refers to the chunk; its bytes are not copied. An empty one leaves no trace.
  void AppendChunk(RecordChunk chunk);

  // Writes over bytes that Extend gave out earlier; `at` is written_bytes() from that time.
  void PatchInt32(size_t at, int32_t value) { StoreBig(bytes_.get() + at, value); }

  // Bytes written so far without the chunks: a place to patch or to go back to.
  size_t written_bytes() const { return size_; }
  // All that will leave: written bytes and chunks.
  size_t total_bytes() const { return size_ + chunk_bytes_; }
  bool empty() const { return total_bytes() == 0; }

  // Drops everything that was written and appended since written_bytes() was `written` and
  // chunk_count() was `chunks`.
  void Rewind(size_t written, size_t chunks);
  size_t chunk_count() const { return chunks_.size(); }
  // Drops all content and keeps the capacity for the next frame.
  void Clear() { Rewind(0, 0); }

  // Everything, in order; neighbouring pieces of bytes are not joined, none is empty.
  std::vector<WirePiece> Pieces() const;
  // Everything as one run of bytes; reads the file slices. For tests and small frames.
  StatusOr<Bytes> Flatten() const;

 private:
  struct PlacedChunk {
    size_t at;  // How many written bytes come before it.
    RecordChunk chunk;
  };
  void Grow(size_t count);

  std::unique_ptr<std::byte[]> bytes_;
  size_t size_ = 0;  // Invariant: size_ <= capacity_.
  size_t capacity_ = 0;
  std::vector<PlacedChunk> chunks_;
  size_t chunk_bytes_ = 0;  // Invariant: the sum over chunks_.
};

}  // namespace atl::kafka
