// Look-ups by time, exact to the record (ListOffsets): the time index narrows the search to a
// stretch, batch headers to a batch, and that one batch is opened.
#include <algorithm>

#include "core-broker/log/batch_cursor.h"
#include "core-broker/partition/partition.h"
#include "kafka/record/record_reader.h"

namespace atl::broker {
namespace {

// The first record at or behind `from` and below `limit` that is at least as young as `at`.
StatusOr<std::optional<TimestampedOffset>> SearchBatch(File& file, const HeaderCursor& cursor,
                                                       Timestamp at, Offset from, Offset limit) {
  ASSIGN_OR_RETURN(const Bytes bytes, ReadBatch(file, cursor.position(), cursor.header()));
  ASSIGN_OR_RETURN(const kafka::BatchView batch, kafka::BatchView::Parse(bytes));
  if (!batch.CrcMatches()) {
    return Corrupt("{}: byte {}: crc mismatch", file.path(), cursor.position().value());
  }
  ASSIGN_OR_RETURN(kafka::RecordReader reader, kafka::RecordReader::Open(batch));
  kafka::Record record;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, reader.Next(record));
    if (!more || record.offset >= limit) return std::optional<TimestampedOffset>();
    if (record.offset < from || record.timestamp < at) continue;
    return std::optional<TimestampedOffset>(
        {record.offset, record.timestamp, cursor.header().leader_epoch});
  }
}

struct Range {
  Offset from;
  Offset limit;
};

StatusOr<std::optional<TimestampedOffset>> SearchSegment(const Segment& segment, Timestamp at,
                                                         FilePosition stop, Range range) {
  ASSIGN_OR_RETURN(const FilePosition start, segment.SeekTimestamp(at));
  if (start >= stop) return std::optional<TimestampedOffset>();
  ASSIGN_OR_RETURN(const std::shared_ptr<File> file, segment.file());
  HeaderCursor cursor(*file, start, stop);
  while (true) {
    ASSIGN_OR_RETURN(const bool moved, cursor.Next());
    if (!moved || cursor.header().base_offset >= range.limit) {
      return std::optional<TimestampedOffset>();
    }
    const bool young = cursor.header().max_timestamp >= at;
    if (!young || cursor.header().last_offset() < range.from) continue;
    ASSIGN_OR_RETURN(std::optional<TimestampedOffset> found,
                     SearchBatch(*file, cursor, at, range.from, range.limit));
    if (found) return found;
  }
}

// The largest timestamp of the batches below `stop` that reach into `range`.
StatusOr<Timestamp> LargestIn(const Segment& segment, FilePosition stop, Range range) {
  ASSIGN_OR_RETURN(const TimeEntry largest, segment.largest());
  if (largest.offset >= range.from && largest.offset < range.limit) return largest.timestamp;
  Timestamp found = kNoTimestamp;
  ASSIGN_OR_RETURN(const std::shared_ptr<File> file, segment.file());
  HeaderCursor cursor(*file, FilePosition(0), stop);
  while (true) {
    ASSIGN_OR_RETURN(const bool moved, cursor.Next());
    if (!moved) return found;
    if (cursor.header().last_offset() < range.from) continue;
    found = std::max(found, cursor.header().max_timestamp);
  }
}

}  // namespace

StatusOr<TimestampedOffset> Partition::FindTimestamp(Timestamp at, Isolation isolation) const {
  const View view = Look();
  if (view.log == nullptr) return Unavailable("{}", offline_reason());
  const Range range{view.offsets.log_start, isolation == Isolation::kReadCommitted
                                                ? view.offsets.last_stable
                                                : view.offsets.high_watermark};
  for (const auto& segment : view.log->segments(range.from)) {
    if (segment->base() >= range.limit) break;
    ASSIGN_OR_RETURN(const TimeEntry largest, segment->largest());
    if (largest.timestamp < at) continue;
    ASSIGN_OR_RETURN(const FilePosition stop, LimitIn(view, *segment, view.end.offset));
    ASSIGN_OR_RETURN(const std::optional<TimestampedOffset> found,
                     SearchSegment(*segment, at, stop, range));
    if (found) return *found;
  }
  return TimestampedOffset{};
}

StatusOr<TimestampedOffset> Partition::FindMaxTimestamp() const {
  const View view = Look();
  if (view.log == nullptr) return Unavailable("{}", offline_reason());
  const Range range{view.offsets.log_start, view.offsets.high_watermark};
  Timestamp largest = kNoTimestamp;
  for (const auto& segment : view.log->segments(range.from)) {
    if (segment->base() >= range.limit) break;
    ASSIGN_OR_RETURN(const FilePosition stop, LimitIn(view, *segment, view.end.offset));
    ASSIGN_OR_RETURN(const Timestamp here, LargestIn(*segment, stop, range));
    largest = std::max(largest, here);
  }
  if (largest == kNoTimestamp) return TimestampedOffset{};
  return FindTimestamp(largest, Isolation::kReadUncommitted);
}

}  // namespace atl::broker
