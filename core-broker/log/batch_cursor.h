// Walking the batches of a segment's file. HeaderCursor reads headers only, 16 KiB at a time (a
// header at a time where batches are big), and steps over the records; BatchScanner reads whole
// batches and checks their CRC. Both live on the caller's stack for one walk, and read [from,
// limit), where `limit` is no more than the file's size, so no length in a damaged header can make
// them allocate more than the file has. Failure: kOutOfRange when the limit cuts a batch (a torn
// tail), kDataLoss for bytes that are no batch, or whose CRC is wrong; kUnavailable when the
// scanner can't read. Messages name file and position.
#pragma once

#include <array>
#include <optional>

#include "base/file.h"
#include "kafka/record/batch_view.h"

namespace atl::broker {

class HeaderCursor {
 public:
  HeaderCursor(File& file, FilePosition from, FilePosition limit)
      : file_(file), next_(from), limit_(limit) {}

  // Moves to the next batch; false at the limit.
  StatusOr<bool> Next();
  const kafka::BatchHeader& header() const { return header_; }
  FilePosition position() const { return position_; }   // Of the current batch.
  FilePosition next_position() const { return next_; }  // Behind it.

 private:
  Status Fill();

  File& file_;
  FilePosition next_;
  const FilePosition limit_;
  FilePosition position_;
  kafka::BatchHeader header_;
  FilePosition chunk_at_;
  size_t chunk_size_ = 0;
  std::array<std::byte, 16 * 1024> chunk_;
};

class BatchScanner {
 public:
  BatchScanner(File& file, FilePosition from, FilePosition limit)
      : file_(file), next_(from), limit_(limit), chunk_at_(from) {}

  // Moves to the next batch; false at the limit. The batch before is gone.
  StatusOr<bool> Next();
  const kafka::BatchView& batch() const { return *batch_; }
  FilePosition position() const { return position_; }
  FilePosition next_position() const { return next_; }

 private:
  StatusOr<BytesView> Have(size_t bytes);

  File& file_;
  FilePosition next_;
  const FilePosition limit_;
  FilePosition position_;
  std::optional<kafka::BatchView> batch_;
  FilePosition chunk_at_;
  size_t chunk_size_ = 0;
  Bytes chunk_;
};

// The whole batch at `position`, whose header was read there.
StatusOr<Bytes> ReadBatch(File& file, FilePosition position, const kafka::BatchHeader& header);

}  // namespace atl::broker
