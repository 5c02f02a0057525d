#include "core-broker/log/batch_cursor.h"

#include <algorithm>

namespace atl::broker {
namespace {

constexpr size_t kScanChunk = 256 * 1024;
constexpr size_t kBatchAhead = 128;

Status Torn(const File& file, FilePosition at, size_t there, size_t needed) {
  return OutOfRange("{}: the batch at byte {} has {} of {} bytes", file.path(), at.value(), there,
                    needed);
}

Status At(const Status& status, const File& file, FilePosition at) {
  return Annotate(status, fmt::format("{}: byte {}", file.path(), at.value()));
}

// The file is shorter than its owner believes.
Status Vanished(const File& file, FilePosition at) {
  return Corrupt("{}: ends at byte {}, before what was written there", file.path(), at.value());
}

}  // namespace

Status HeaderCursor::Fill() {
  // Where batches are big, a whole chunk would hold one header and bytes that nobody looks at.
  const bool big = header_.total_bytes() > chunk_.size() / 4;
  const auto wanted = std::min<size_t>(big ? kBatchAhead : chunk_.size(),
                                       static_cast<size_t>((limit_ - next_).value()));
  ASSIGN_OR_RETURN(chunk_size_, file_.ReadAt(next_, MutableBytes(chunk_.data(), wanted)));
  chunk_at_ = next_;
  // What lies further on may be gone with a failed sync; the batches before it are still good.
  return chunk_size_ < kafka::kBatchHeaderBytes
             ? Vanished(file_, next_ + ByteCount(static_cast<int64_t>(chunk_size_)))
             : OkStatus();
}

StatusOr<bool> HeaderCursor::Next() {
  const auto left = static_cast<size_t>((limit_ - next_).value());
  if (left == 0) return false;
  if (left < kafka::kBatchHeaderBytes) return Torn(file_, next_, left, kafka::kBatchHeaderBytes);
  const auto inside = static_cast<size_t>((next_ - chunk_at_).value());
  if (chunk_size_ < inside + kafka::kBatchHeaderBytes) RETURN_IF_ERROR(Fill());
  const BytesView bytes = BytesView(chunk_.data(), chunk_size_)
                              .subspan(static_cast<size_t>((next_ - chunk_at_).value()));
  const StatusOr<kafka::BatchHeader> header = kafka::BatchHeader::Parse(bytes);
  if (!header.ok()) return At(header.status(), file_, next_);
  if (header->total_bytes() > left) return Torn(file_, next_, left, header->total_bytes());
  header_ = *header;
  position_ = next_;
  next_ = next_ + ByteCount(static_cast<int64_t>(header_.total_bytes()));
  return true;
}

StatusOr<BytesView> BatchScanner::Have(size_t bytes) {
  const auto inside = static_cast<size_t>((next_ - chunk_at_).value());
  if (inside > chunk_size_ || chunk_size_ - inside < bytes) {
    const auto left = static_cast<size_t>((limit_ - next_).value());
    const size_t wanted = std::min(std::max(bytes, kScanChunk), left);
    if (chunk_.size() < wanted) chunk_.resize(wanted);
    const StatusOr<size_t> got = file_.ReadAt(next_, MutableBytes(chunk_.data(), wanted));
    // A disk that does not answer must not look like a bad batch: that one would be cut.
    if (!got.ok()) return Unavailable("{}", StatusMessage(got.status()));
    chunk_size_ = *got;
    chunk_at_ = next_;
    if (chunk_size_ < wanted) return Vanished(file_, next_ + ByteCount(int64_t(chunk_size_)));
  }
  return BytesView(chunk_.data(), chunk_size_)
      .subspan(static_cast<size_t>((next_ - chunk_at_).value()));
}

StatusOr<bool> BatchScanner::Next() {
  const auto left = static_cast<size_t>((limit_ - next_).value());
  if (left == 0) return false;
  if (left < kafka::kBatchHeaderBytes) return Torn(file_, next_, left, kafka::kBatchHeaderBytes);
  ASSIGN_OR_RETURN(const BytesView start, Have(kafka::kBatchHeaderBytes));
  const StatusOr<kafka::BatchHeader> header = kafka::BatchHeader::Parse(start);
  if (!header.ok()) return At(header.status(), file_, next_);
  const size_t total = header->total_bytes();
  if (total > left) return Torn(file_, next_, left, total);
  ASSIGN_OR_RETURN(const BytesView bytes, Have(total));
  const StatusOr<kafka::BatchView> batch = kafka::BatchView::Parse(bytes);
  if (!batch.ok()) return At(batch.status(), file_, next_);
  if (!batch->CrcMatches()) {
    return Corrupt("{}: byte {}: crc mismatch in the batch of offset {}", file_.path(),
                   next_.value(), header->base_offset.value());
  }
  batch_ = *batch;
  position_ = next_;
  next_ = next_ + ByteCount(static_cast<int64_t>(total));
  return true;
}

StatusOr<Bytes> ReadBatch(File& file, FilePosition position, const kafka::BatchHeader& header) {
  Bytes bytes(header.total_bytes());
  ASSIGN_OR_RETURN(const size_t got, file.ReadAt(position, bytes));
  if (got < bytes.size()) return Vanished(file, position + ByteCount(static_cast<int64_t>(got)));
  return bytes;
}

}  // namespace atl::broker
