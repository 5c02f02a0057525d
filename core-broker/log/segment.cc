#include "core-broker/log/segment.h"

#include <algorithm>
#include <limits>

#include "base/logging.h"
#include "core-broker/log/batch_cursor.h"

namespace atl::broker {
namespace {

constexpr ByteCount kMostIndexBytes{int64_t{1} << 30};
constexpr Offset kWhole{std::numeric_limits<int64_t>::max()};

// Inside a segment a batch that the end cuts is damage: the segment's size is a promise.
Status AsDamage(const Status& status) {
  return status.code() == StatusCode::kOutOfRange ? Corrupt("{}", StatusMessage(status)) : status;
}

Segment::Mark MarkOf(const kafka::BatchHeader& header) {
  return {header.last_offset(), header.max_timestamp,
          ByteCount(static_cast<int64_t>(header.total_bytes()))};
}

}  // namespace

Segment::Segment(FileSystem& files, std::shared_ptr<const std::string> folder, Offset base,
                 ByteCount index_interval)
    : files_(files),
      folder_(std::move(folder)),
      base_(base),
      index_interval_(index_interval),
      offset_index_(base),
      time_index_(base),
      end_(base) {}

std::string Segment::PathOf(SegmentFileKind kind) const {
  return JoinPath(*folder_, SegmentFileName(base_, kind));
}

std::string Segment::path() const { return PathOf(SegmentFileKind::kLog); }

// --- Any ---

StatusOr<std::shared_ptr<File>> Segment::file() const {
  MutexLock lock(&mutex_);
  used_ = true;
  if (file_ == nullptr) {
    ASSIGN_OR_RETURN(file_, files_.Open(PathOf(SegmentFileKind::kLog), OpenMode::kRead));
  }
  return file_;
}

// For reads of a sealed segment: what can be loaded is; damage in the log shows where it is read.
Status Segment::PrepareLocked() const {
  used_ = true;
  if (file_ == nullptr) {
    ASSIGN_OR_RETURN(file_, files_.Open(PathOf(SegmentFileKind::kLog), OpenMode::kRead));
  }
  if (loaded_) return OkStatus();
  if (!ReadIndexesLocked(kWhole)) LogWarning("log", "{}: indexes rebuilt in memory", path());
  StatusOr<FilePosition> walked = WalkLocked(kWhole);
  if (!walked.ok() && offset_index_.size() > 0) {
    ForgetIndexesLocked();
    walked = WalkLocked(kWhole);
  }
  if (!walked.ok()) {
    // Damage: what the index knows of the batches behind it is still worth having.
    LogError("log", "{}", StatusMessage(walked.status()));
    ReadIndexesLocked(kWhole);
    largest_ = time_index_.last().value_or(largest_);
  }
  loaded_ = true;
  return OkStatus();
}

StatusOr<Segment::SeekPoint> Segment::Seek(Offset offset) const {
  std::shared_ptr<File> file;
  std::optional<IndexEntry> from;
  {
    MutexLock lock(&mutex_);
    for (const Point& point : recent_) {
      if (point.offset == offset) return SeekPoint{point.position, {}};
    }
    RETURN_IF_ERROR(PrepareLocked());
    from = offset_index_.Floor(offset);
    file = file_;
  }
  StatusOr<SeekPoint> found = Walk(*file, from, offset);
  if (found.ok() || !from) return found;
  LogWarning("log", "{}: the index is not trusted: {}", path(), StatusMessage(found.status()));
  return Walk(*file, {}, offset);
}

StatusOr<Segment::SeekPoint> Segment::Walk(File& file, std::optional<IndexEntry> from,
                                           Offset offset) const {
  HeaderCursor cursor(file, from ? from->position : FilePosition(0), FilePosition(size().value()));
  while (true) {
    const StatusOr<bool> moved = cursor.Next();
    if (!moved.ok()) return AsDamage(moved.status());
    if (!*moved) return SeekPoint{cursor.next_position(), {}};
    const Offset last = cursor.header().last_offset();
    if (from && last != from->offset) {
      return Corrupt("the batch at byte {} ends at offset {}, not {}", cursor.position().value(),
                     last.value(), from->offset.value());
    }
    from.reset();
    if (last >= offset) return SeekPoint{cursor.position(), cursor.header()};
  }
}

StatusOr<std::optional<Segment::Boundary>> Segment::BoundaryAt(FilePosition from,
                                                               FilePosition at) const {
  MutexLock lock(&mutex_);
  RETURN_IF_ERROR(PrepareLocked());
  const std::optional<IndexEntry> entry = offset_index_.Floor(at);
  if (!entry || entry->position <= from) return std::optional<Boundary>();
  return std::optional<Boundary>({entry->position, entry->offset});
}

template <size_t entry_bytes>
std::optional<std::array<std::byte, entry_bytes>> Segment::LastEntry(SegmentFileKind kind) const {
  const auto file = files_.Open(PathOf(kind), OpenMode::kRead);
  if (!file.ok()) return {};
  const StatusOr<ByteCount> bytes = (*file)->Size();
  const auto step = static_cast<int64_t>(entry_bytes);
  if (!bytes.ok() || bytes->value() < step || bytes->value() % step != 0) return {};
  std::array<std::byte, entry_bytes> entry;
  const StatusOr<size_t> got = (*file)->ReadAt(FilePosition(bytes->value() - step), entry);
  if (!got.ok() || *got != entry.size()) return {};
  return entry;
}

StatusOr<TimeEntry> Segment::largest() const {
  MutexLock lock(&mutex_);
  if (loaded_ || largest_.offset != kNoOffset) return largest_;
  const auto entry = LastEntry<TimeIndex::kEntryBytes>(SegmentFileKind::kTimeIndex);
  if (entry) {
    largest_ = TimeIndex::DecodeEntry(base_, *entry);
  } else {
    RETURN_IF_ERROR(PrepareLocked());
  }
  return largest_;
}

StatusOr<Offset> Segment::SealedEnd() const {
  ASSIGN_OR_RETURN(const std::shared_ptr<File> opened, files_.Open(path(), OpenMode::kRead));
  FilePosition from;
  if (const auto entry = LastEntry<OffsetIndex::kEntryBytes>(SegmentFileKind::kOffsetIndex)) {
    bool whole = false;
    const auto last = OffsetIndex::Decode(base_, *entry, size(), whole).last();
    if (last) from = last->position;
  }
  HeaderCursor cursor(*opened, from, FilePosition(size().value()));
  Offset end = base_;
  while (true) {
    const StatusOr<bool> moved = cursor.Next();
    if (!moved.ok()) return AsDamage(moved.status());
    if (!*moved) return end;
    end = cursor.header().next_offset();
  }
}

StatusOr<FilePosition> Segment::SeekTimestamp(Timestamp at) const {
  MutexLock lock(&mutex_);
  RETURN_IF_ERROR(PrepareLocked());
  const std::optional<TimeEntry> time = time_index_.Floor(at);
  if (!time) return FilePosition(0);
  const std::optional<IndexEntry> entry = offset_index_.Floor(time->offset);
  return entry ? entry->position : FilePosition(0);
}

void Segment::CloseIdle() const {
  MutexLock lock(&mutex_);
  if (!active_ && !used_) {
    file_.reset();
    ForgetIndexesLocked();
    loaded_ = false;
  }
  used_ = false;
}

Offset Segment::end() const {
  MutexLock lock(&mutex_);
  return end_;
}

// --- Shard ---

Status Segment::Create() {
  MutexLock lock(&mutex_);
  ASSIGN_OR_RETURN(file_, files_.Open(PathOf(SegmentFileKind::kLog), OpenMode::kCreate));
  // What a crash left under this name was never acknowledged: its folder entry came before a byte.
  RETURN_IF_ERROR(file_->Truncate(FilePosition(0)));
  active_ = true;
  loaded_ = true;
  return OkStatus();
}

Status Segment::Measure() {
  ASSIGN_OR_RETURN(const std::shared_ptr<File> file,
                   files_.Open(PathOf(SegmentFileKind::kLog), OpenMode::kRead));
  ASSIGN_OR_RETURN(const ByteCount size, file->Size());
  size_.store(size.value(), std::memory_order_release);
  return OkStatus();
}

StatusOr<Segment::Loaded> Segment::OpenActive(Offset end) {
  MutexLock lock(&mutex_);
  ASSIGN_OR_RETURN(file_, files_.Open(PathOf(SegmentFileKind::kLog), OpenMode::kReadWrite));
  ASSIGN_OR_RETURN(const ByteCount bytes, file_->Size());
  size_.store(bytes.value(), std::memory_order_release);
  active_ = true;
  Loaded loaded;
  loaded.rebuilt = !ReadIndexesLocked(end);
  StatusOr<FilePosition> walked = WalkLocked(end);
  if (!walked.ok() && offset_index_.size() > 0) {
    ForgetIndexesLocked();
    loaded.rebuilt = true;
    walked = WalkLocked(end);
  }
  if (!walked.ok()) return walked.status();
  loaded_ = true;
  loaded.position = *walked;
  // What follows is noted batch by batch once it has been checked.
  size_.store(loaded.position.value(), std::memory_order_release);
  return loaded;
}

// False when something had to be left out.
bool Segment::ReadIndexesLocked(Offset end) const {
  ForgetIndexesLocked();
  const auto offsets =
      ReadWholeFile(files_, PathOf(SegmentFileKind::kOffsetIndex), kMostIndexBytes);
  const auto times = ReadWholeFile(files_, PathOf(SegmentFileKind::kTimeIndex), kMostIndexBytes);
  if (!offsets.ok() || !times.ok()) return size() == ByteCount(0) || end == base_;
  bool offsets_whole = false;
  bool times_whole = false;
  offset_index_ = OffsetIndex::Decode(base_, *offsets, size(), offsets_whole);
  time_index_ = TimeIndex::Decode(base_, *times, times_whole);
  if (!times_whole) {
    // The largest timestamp can't be told without walking everything.
    ForgetIndexesLocked();
    return false;
  }
  offset_index_.TruncateFrom(end);
  time_index_.TruncateFrom(end);
  if (!offsets_whole) {
    const std::optional<IndexEntry> last = offset_index_.last();
    time_index_.TruncateFrom(last ? last->offset + RecordCount(1) : base_);
  }
  offsets_flushed_ = offset_index_.size();
  times_flushed_ = time_index_.size();
  return offsets_whole;
}

void Segment::ForgetIndexesLocked() const {
  offset_index_ = OffsetIndex(base_);
  time_index_ = TimeIndex(base_);
  offsets_flushed_.reset();
  times_flushed_.reset();
}

// From the last index entry to the first batch at or behind `end`.
StatusOr<FilePosition> Segment::WalkLocked(Offset end) const {
  std::optional<IndexEntry> from = offset_index_.last();
  HeaderCursor cursor(*file_, from ? from->position : FilePosition(0),
                      FilePosition(size().value()));
  largest_ = time_index_.last().value_or(TimeEntry{});
  bytes_since_entry_ = ByteCount(0);
  end_ = base_;
  while (from || end_ < end) {  // What lies behind `end` may be torn: it is not looked at.
    ASSIGN_OR_RETURN(const bool moved, cursor.Next());
    if (!moved && end == kWhole) break;
    if (!moved) {
      return OutOfRange("{}: ends at offset {}, before {}", path(), end_.value(), end.value());
    }
    const kafka::BatchHeader& header = cursor.header();
    if (header.base_offset >= end) return cursor.position();
    if (from && header.last_offset() != from->offset) {
      return Corrupt("{}: the index is wrong at offset {}", path(), from->offset.value());
    }
    if (end != kWhole && header.next_offset() > end) {
      return FailedPrecondition("{}: offset {} lies inside the batch of offsets {} to {}", path(),
                                end.value(), header.base_offset.value(),
                                header.last_offset().value());
    }
    if (header.base_offset < end_) {
      return Corrupt("{}: byte {}: the batch of offsets {} to {} comes after offset {}", path(),
                     cursor.position().value(), header.base_offset.value(),
                     header.last_offset().value(), end_.value());
    }
    if (from) {
      bytes_since_entry_ = MarkOf(header).bytes;
      from.reset();
    } else {
      NoteLocked(MarkOf(header), cursor.position());
    }
    end_ = header.next_offset();
  }
  return cursor.next_position();
}

// Kafka's order (LogSegment.append): the largest timestamp first, then the entry, then the bytes.
void Segment::NoteLocked(const Mark& mark, FilePosition position) const {
  if (mark.max_timestamp > largest_.timestamp || largest_.offset == kNoOffset) {
    largest_ = {mark.max_timestamp, mark.last_offset};
  }
  if (bytes_since_entry_ > index_interval_) {
    offset_index_.Add({mark.last_offset, position});
    time_index_.MaybeAdd(largest_);
    bytes_since_entry_ = ByteCount(0);
  }
  bytes_since_entry_ += mark.bytes;
}

void Segment::Note(const kafka::BatchHeader& header) {
  const Mark mark = MarkOf(header);
  Append({&mark, 1}, header.next_offset());
}

void Segment::Append(std::span<const Mark> marks, Offset end) {
  MutexLock lock(&mutex_);
  int64_t position = size_.load(std::memory_order_relaxed);
  for (const Mark& mark : marks) {
    NoteLocked(mark, FilePosition(position));
    position += mark.bytes.value();
  }
  end_ = end;
  recent_[next_recent_] = {end, FilePosition(position)};
  next_recent_ = (next_recent_ + 1) % recent_.size();
  size_.store(position, std::memory_order_release);
}

Status Segment::CutTail() {
  MutexLock lock(&mutex_);
  recent_.fill({});
  // Entries of what is cut: the files are written anew.
  offsets_flushed_.reset();
  times_flushed_.reset();
  RETURN_IF_ERROR(file_->Truncate(FilePosition(size().value())));
  return file_->Sync();
}

Status Segment::TruncateTo(Offset end) {
  RETURN_IF_ERROR(OpenActive(end).status());
  RETURN_IF_ERROR(CutTail());
  return FlushIndexes();
}

Status Segment::FlushIndexes() {
  // The times first: an entry of the offset index promises that those before it are complete.
  RETURN_IF_ERROR(Flush(SegmentFileKind::kTimeIndex, time_index_, times_flushed_));
  return Flush(SegmentFileKind::kOffsetIndex, offset_index_, offsets_flushed_);
}

// Readers don't wait for the disk: only this thread changes the index while it is active.
template <class Index>
Status Segment::Flush(SegmentFileKind kind, const Index& index, std::optional<size_t>& flushed) {
  Bytes bytes;
  size_t entries = 0;
  size_t before = 0;
  {
    MutexLock lock(&mutex_);
    entries = index.size();
    if (flushed == entries) return OkStatus();
    before = flushed.value_or(0);
    bytes = index.Encode(before);
  }
  ASSIGN_OR_RETURN(const std::shared_ptr<File> file, files_.Open(PathOf(kind), OpenMode::kCreate));
  const FilePosition end(static_cast<int64_t>(before * Index::kEntryBytes));
  ASSIGN_OR_RETURN(const ByteCount there, file->Size());
  if (there.value() > end.value()) RETURN_IF_ERROR(file->Truncate(end));
  const BytesView piece = bytes;
  RETURN_IF_ERROR(file->WriteAt(end, {&piece, 1}));
  RETURN_IF_ERROR(file->Sync());
  MutexLock lock(&mutex_);
  flushed = entries;
  return OkStatus();
}

Status Segment::Seal() {
  {
    MutexLock lock(&mutex_);
    if (largest_.offset != kNoOffset) time_index_.MaybeAdd(largest_);
  }
  RETURN_IF_ERROR(FlushIndexes());
  MutexLock lock(&mutex_);
  active_ = false;
  return OkStatus();
}

Status Segment::RemoveFiles() const {
  // The log first: an index without a log is swept away at the next start, the reverse is rebuilt.
  RETURN_IF_ERROR(files_.Remove(PathOf(SegmentFileKind::kLog)));
  RETURN_IF_ERROR(files_.Remove(PathOf(SegmentFileKind::kOffsetIndex)));
  return files_.Remove(PathOf(SegmentFileKind::kTimeIndex));
}

}  // namespace atl::broker
