#include "kafka/wire/wire_buffer.h"

#include <algorithm>
#include <utility>

namespace atl::kafka {

size_t ChunkBytes(const RecordChunk& chunk) {
  if (const auto* view = std::get_if<BytesView>(&chunk)) return view->size();
  if (const auto* shared = std::get_if<SharedBytes>(&chunk)) return shared->bytes.size();
  return static_cast<size_t>(std::get<FileSlice>(chunk).length.value());
}

void RecordData::Append(RecordChunk chunk) {
  chunk_bytes_ += ChunkBytes(chunk);
  null_ = false;
  chunks_.push_back(std::move(chunk));
}

WireBuffer::WireBuffer(WireBuffer&& other) noexcept
    : bytes_(std::move(other.bytes_)),
      size_(std::exchange(other.size_, 0)),
      capacity_(std::exchange(other.capacity_, 0)),
      chunks_(std::exchange(other.chunks_, {})),
      chunk_bytes_(std::exchange(other.chunk_bytes_, 0)) {}

WireBuffer& WireBuffer::operator=(WireBuffer&& other) noexcept {
  bytes_ = std::move(other.bytes_);
  size_ = std::exchange(other.size_, 0);
  capacity_ = std::exchange(other.capacity_, 0);
  chunks_ = std::exchange(other.chunks_, {});
  chunk_bytes_ = std::exchange(other.chunk_bytes_, 0);
  return *this;
}

void WireBuffer::Grow(size_t count) {
  constexpr size_t kFirstBytes = 256;
  const size_t capacity = std::max({kFirstBytes, capacity_ * 2, size_ + count});
  auto grown = std::make_unique_for_overwrite<std::byte[]>(capacity);
  if (size_ > 0) std::memcpy(grown.get(), bytes_.get(), size_);
  bytes_ = std::move(grown);
  capacity_ = capacity;
}

void WireBuffer::AppendChunk(RecordChunk chunk) {
  const size_t count = ChunkBytes(chunk);
  if (count == 0) return;
  chunk_bytes_ += count;
  chunks_.push_back({size_, std::move(chunk)});
}

void WireBuffer::Rewind(size_t written, size_t chunks) {
  size_ = written;
  while (chunks_.size() > chunks) {
    chunk_bytes_ -= ChunkBytes(chunks_.back().chunk);
    chunks_.pop_back();
  }
}

std::vector<WirePiece> WireBuffer::Pieces() const {
  std::vector<WirePiece> pieces;
  pieces.reserve(chunks_.size() * 2 + 1);
  size_t sent = 0;
  const auto add_written = [&](size_t end) {
    if (end > sent) pieces.push_back(BytesView(bytes_.get() + sent, end - sent));
    sent = end;
  };
  for (const PlacedChunk& placed : chunks_) {
    add_written(placed.at);
    if (const auto* view = std::get_if<BytesView>(&placed.chunk)) {
      pieces.push_back(*view);
    } else if (const auto* shared = std::get_if<SharedBytes>(&placed.chunk)) {
      pieces.push_back(shared->bytes);
    } else {
      pieces.push_back(&std::get<FileSlice>(placed.chunk));
    }
  }
  add_written(size_);
  return pieces;
}

StatusOr<Bytes> WireBuffer::Flatten() const {
  Bytes flat;
  flat.reserve(total_bytes());
  for (const WirePiece& piece : Pieces()) {
    if (const auto* view = std::get_if<BytesView>(&piece)) {
      flat.insert(flat.end(), view->begin(), view->end());
      continue;
    }
    const FileSlice& slice = *std::get<const FileSlice*>(piece);
    const auto length = static_cast<size_t>(slice.length.value());
    const size_t before = flat.size();
    flat.resize(before + length);
    ASSIGN_OR_RETURN(const size_t read,
                     slice.file->ReadAt(slice.position, MutableBytes(flat).subspan(before)));
    if (read != length) {
      return OutOfRange("{}: {} bytes at {}, the slice wants {}", slice.file->path(), read,
                        slice.position.value(), length);
    }
  }
  return flat;
}

}  // namespace atl::kafka
