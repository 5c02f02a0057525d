// Reads, on any thread: what lies below the high watermark leaves as slices of the segments' files.
#include <algorithm>

#include "base/logging.h"
#include "core-broker/log/batch_cursor.h"
#include "core-broker/partition/partition.h"

namespace atl::broker {

kafka::ErrorCode Partition::ReadError(const Status& status, Offset offset) const {
  // Retention or a truncation may have taken it between the look and the read.
  const PartitionOffsets now = offsets();
  if (offset < now.log_start || offset >= now.high_watermark) {
    return kafka::ErrorCode::kOffsetOutOfRange;
  }
  LogWarning("partition", "{}: read at offset {}: {}", folder_, offset.value(),
             StatusMessage(status));
  return status.code() == StatusCode::kDataLoss ? kafka::ErrorCode::kCorruptMessage
                                                : kafka::ErrorCode::kKafkaStorageError;
}

ReadOutcome Partition::Read(const ReadRequest& request) const {
  const View view = Look();
  ReadOutcome outcome;
  outcome.offsets = view.offsets;
  if (view.closed) {
    outcome.error = kafka::ErrorCode::kUnknownTopicOrPartition;
    return outcome;
  }
  if (view.log == nullptr) {
    outcome.error = kafka::ErrorCode::kKafkaStorageError;
    return outcome;
  }
  if (request.offset < view.offsets.log_start || request.offset > view.offsets.log_end) {
    outcome.error = kafka::ErrorCode::kOffsetOutOfRange;
    return outcome;
  }
  const bool committed = request.isolation == Isolation::kReadCommitted;
  const Offset limit = committed ? view.offsets.last_stable : view.offsets.high_watermark;
  if (request.offset >= limit) return outcome;
  const auto fail = [&](const Status& status) {
    outcome.error = ReadError(status, request.offset);
    return outcome;
  };
  const StatusOr<LogPosition> start = view.log->Find(request.offset);
  if (!start.ok()) return fail(start.status());
  const StatusOr<FilePosition> stop = LimitIn(view, *start->segment, limit);
  if (!stop.ok()) return fail(stop.status());
  if (start->position >= *stop) return outcome;
  const StatusOr<Extent> extent =
      Choose(*start, *stop, UpperIn(view, *start->segment, limit), request);
  if (!extent.ok()) return fail(extent.status());
  if (extent->bytes == ByteCount(0)) return outcome;
  StatusOr<std::shared_ptr<File>> file = start->segment->file();
  if (!file.ok()) return fail(file.status());
  outcome.bytes = extent->bytes;
  outcome.end = extent->upper;
  outcome.slices.push_back({*std::move(file), start->position, extent->bytes});
  if (committed) {
    MutexLock lock(&mutex_);
    outcome.aborted = transactions_.AbortedIn(request.offset, extent->upper);
  }
  return outcome;
}

// How far a reader below `limit` may go in `segment`.
StatusOr<FilePosition> Partition::LimitIn(const View& view, const Segment& segment,
                                          Offset limit) const {
  const bool tail = segment.base() >= view.end.segment_base;
  if (limit >= view.end.offset) {
    return tail ? view.end.position : FilePosition(segment.size().value());
  }
  ASSIGN_OR_RETURN(const LogPosition found, view.log->Find(limit));
  return found.segment.get() == &segment ? found.position : FilePosition(segment.size().value());
}

// The end of what `segment` holds of what lies below `limit`.
Offset Partition::UpperIn(const View& view, const Segment& segment, Offset limit) const {
  if (segment.base() >= view.end.segment_base) return limit;
  const auto segments = view.log->segments(segment.base());
  return segments.size() < 2 ? limit : std::min(limit, segments[1]->base());
}

// All of [start, stop) when it fits, else as many batches as do: up to an indexed one where that is
// near, else by walking the headers.
StatusOr<Partition::Extent> Partition::Choose(const LogPosition& start, FilePosition stop,
                                              Offset upper, const ReadRequest& request) const {
  const ByteCount available = stop - start.position;
  if (available <= request.max_bytes) return Extent{available, upper};
  const FilePosition wanted = start.position + std::max(request.max_bytes, ByteCount(0));
  ASSIGN_OR_RETURN(const std::optional<Segment::Boundary> boundary,
                   start.segment->BoundaryAt(start.position, wanted));
  Extent extent{ByteCount(0), start.segment->base()};
  if (boundary) extent = {boundary->position - start.position, boundary->upper};
  if (extent.bytes.value() * 2 > request.max_bytes.value()) return extent;
  ASSIGN_OR_RETURN(const std::shared_ptr<File> file, start.segment->file());
  HeaderCursor cursor(*file, start.position + extent.bytes, stop);
  while (true) {
    ASSIGN_OR_RETURN(const bool moved, cursor.Next());
    if (!moved) return extent;
    const bool first = cursor.position() == start.position;
    const bool fits = cursor.next_position() <= wanted;
    if (!fits && !(first && request.whole_first_batch)) return extent;
    extent = {cursor.next_position() - start.position, cursor.header().next_offset()};
  }
}

StatusOr<kafka::BatchHeader> Partition::BatchAt(Offset offset) const {
  const View view = Look();
  if (view.log == nullptr) return Unavailable("{}", offline_reason());
  if (offset < view.offsets.log_start || offset >= view.offsets.high_watermark) {
    return NotFound("offset {} is outside [{}, {})", offset.value(), view.offsets.log_start.value(),
                    view.offsets.high_watermark.value());
  }
  ASSIGN_OR_RETURN(const LogPosition found, view.log->Find(offset));
  std::optional<kafka::BatchHeader> header = found.header;
  if (!header) {
    ASSIGN_OR_RETURN(const std::shared_ptr<File> file, found.segment->file());
    HeaderCursor cursor(*file, found.position, FilePosition(found.segment->size().value()));
    ASSIGN_OR_RETURN(const bool moved, cursor.Next());
    if (moved) header = cursor.header();
  }
  if (!header || header->base_offset > offset) {
    return NotFound("no batch contains offset {}", offset.value());
  }
  return *header;
}

ByteCount Partition::BytesFrom(Offset from) const {
  const View view = Look();
  if (view.log == nullptr || from >= view.offsets.high_watermark) return ByteCount(0);
  const Offset first = std::max(from, view.offsets.log_start);
  const StatusOr<LogPosition> start = view.log->Find(first);
  if (!start.ok()) return ByteCount(0);
  ByteCount bytes = FilePosition(0) - start->position;
  for (const auto& segment : view.log->segments(start->segment->base())) {
    if (segment->base() > view.end.segment_base) break;
    const bool tail = segment->base() == view.end.segment_base;
    bytes += tail ? view.end.position - FilePosition(0) : segment->size();
  }
  return bytes;
}

}  // namespace atl::broker
