#include "core-broker/log/recovery.h"

#include <algorithm>
#include <set>

#include "base/failpoint.h"
#include "base/logging.h"
#include "core-broker/log/batch_cursor.h"

namespace atl::broker {
namespace {

Failpoint segments_scanned("start.segments_scanned");
Failpoint tail_cut("start.tail_cut");
Failpoint index_rebuilt("start.index_rebuilt");

constexpr size_t kCopyChunk = 1 << 20;

using Segments = std::vector<std::shared_ptr<Segment>>;

class Recovery {
 public:
  Recovery(const Log::OpenRequest& request, LogReplay& replay)
      : request_(request),
        replay_(replay),
        folder_(std::make_shared<const std::string>(request.folder)) {}

  StatusOr<RecoveredLog> Run();

 private:
  Status ListSegments();
  Status CheckSealed(size_t index);
  Status ScanFrom(Offset point);
  Status ScanSegment(size_t index, Offset from);
  Status ScanBatches(Segment& segment, BatchScanner& scanner);
  Status Cut(Segment& segment, const Status& cause);
  Status SetAside(Segment& segment, File& file, FilePosition from, FilePosition size);
  bool is_last(size_t index) const { return index + 1 == found_.segments.size(); }

  const Log::OpenRequest& request_;
  LogReplay& replay_;
  const std::shared_ptr<const std::string> folder_;
  RecoveredLog found_;
};

StatusOr<RecoveredLog> Recovery::Run() {
  RETURN_IF_ERROR(ListSegments());
  Segments& segments = found_.segments;
  if (segments.empty()) {
    if (request_.recovery_point > request_.first_offset) {
      return Corrupt("{}: no segments, but the checkpoint knows offsets up to {}", request_.folder,
                     request_.recovery_point.value());
    }
    segments.push_back(std::make_shared<Segment>(request_.files, folder_, request_.first_offset,
                                                 request_.config.index_interval));
    RETURN_IF_ERROR(segments.back()->Create());
    RETURN_IF_ERROR(request_.files.SyncFolder(request_.folder));
    found_.end = request_.first_offset;
    replay_.Begin(found_.end);
    return std::move(found_);
  }
  for (size_t i = 0; i + 1 < segments.size(); ++i) RETURN_IF_ERROR(CheckSealed(i));
  const Offset first = segments.front()->base();
  const Offset point = request_.recovery_point < first ? first : request_.recovery_point;
  Status scanned = ScanFrom(point);
  if (scanned.code() == StatusCode::kOutOfRange) {
    LogWarning("log",
               "{}: the checkpoint claims offsets up to {} that the log does not have ({}): the "
               "store or the log is older than it should be; the log wins and is scanned whole",
               request_.folder, point.value(), StatusMessage(scanned));
    found_.recovery_point_ahead = true;
    scanned = ScanFrom(first);
  }
  RETURN_IF_ERROR(scanned);
  RETURN_IF_ERROR(segments_scanned.Hit());
  return std::move(found_);
}

Status Recovery::ListSegments() {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, request_.files.List(request_.folder));
  std::set<Offset> bases;
  for (const std::string& name : names) {
    const std::optional<SegmentFile> file = ParseSegmentFileName(name);
    if (!file) LogWarning("log", "{}: {} is no file of a log", request_.folder, name);
    if (file && file->kind == SegmentFileKind::kLog) bases.insert(file->base);
  }
  for (const std::string& name : names) {
    const std::optional<SegmentFile> file = ParseSegmentFileName(name);
    if (!file || file->kind == SegmentFileKind::kCut || bases.contains(file->base)) continue;
    // An index says nothing that its log did not say.
    RETURN_IF_ERROR(request_.files.Remove(JoinPath(request_.folder, name)));
  }
  for (const Offset base : bases) {
    found_.segments.push_back(
        std::make_shared<Segment>(request_.files, folder_, base, request_.config.index_interval));
  }
  return OkStatus();
}

// A sealed segment: its size, and that it ends before the next one begins.
Status Recovery::CheckSealed(size_t index) {
  Segment& segment = *found_.segments[index];
  RETURN_IF_ERROR(segment.Measure());
  const Segment& next = *found_.segments[index + 1];
  const StatusOr<Offset> end = segment.SealedEnd();
  if (!end.ok()) {
    // Damage in one segment is no reason to refuse the others; who reads it is told.
    LogError("log", "{}", StatusMessage(end.status()));
    return OkStatus();
  }
  if (*end > next.base()) {
    return Corrupt("{} ends at offset {} and overlaps {}", segment.path(), end->value(),
                   next.path());
  }
  return OkStatus();
}

// kOutOfRange: the log ends before `point`.
Status Recovery::ScanFrom(Offset point) {
  const Segments& segments = found_.segments;
  const auto behind =
      std::upper_bound(segments.begin(), segments.end(), point,
                       [](Offset a, const std::shared_ptr<Segment>& b) { return a < b->base(); });
  const auto first = static_cast<size_t>(std::distance(segments.begin(), behind)) - 1;
  bool begun = false;
  for (size_t i = first; i < segments.size(); ++i) {
    const Offset from = i == first ? point : segments[i]->base();
    const StatusOr<Segment::Loaded> opened = segments[i]->OpenActive(from);
    // A point inside a batch was never this log's: the store is of another time.
    if (opened.status().code() == StatusCode::kFailedPrecondition) {
      return OutOfRange("{}", StatusMessage(opened.status()));
    }
    if (opened.status().code() == StatusCode::kOutOfRange && !is_last(i)) {
      return Corrupt("{}, but {} follows", StatusMessage(opened.status()), segments[i + 1]->path());
    }
    ASSIGN_OR_RETURN(const Segment::Loaded loaded, opened);
    if (loaded.rebuilt) RETURN_IF_ERROR(index_rebuilt.Hit());
    if (!begun) replay_.Begin(point);
    begun = true;
    RETURN_IF_ERROR(ScanSegment(i, from));
  }
  return OkStatus();
}

Status Recovery::ScanSegment(size_t index, Offset from) {
  Segment& segment = *found_.segments[index];
  ASSIGN_OR_RETURN(const std::shared_ptr<File> file, segment.file());
  ASSIGN_OR_RETURN(const ByteCount size, file->Size());
  BatchScanner scanner(*file, FilePosition(segment.size().value()), FilePosition(size.value()));
  const Status scanned = ScanBatches(segment, scanner);
  found_.end = std::max(segment.end(), from);
  const bool cuttable =
      scanned.code() == StatusCode::kDataLoss || scanned.code() == StatusCode::kOutOfRange;
  if (!scanned.ok() && !cuttable) return scanned;
  if (is_last(index)) return scanned.ok() ? OkStatus() : Cut(segment, scanned);
  if (!scanned.ok()) {
    return Corrupt("{}: damaged, and {} follows: {}", segment.path(),
                   found_.segments[index + 1]->path(), StatusMessage(scanned));
  }
  const Segment& next = *found_.segments[index + 1];
  if (segment.end() > next.base()) {
    return Corrupt("{} ends at offset {} and overlaps {}", segment.path(), segment.end().value(),
                   next.path());
  }
  return segment.Seal();
}

Status Recovery::ScanBatches(Segment& segment, BatchScanner& scanner) {
  while (true) {
    ASSIGN_OR_RETURN(const bool moved, scanner.Next());
    if (!moved) return OkStatus();
    const kafka::BatchHeader& header = scanner.batch().header();
    if (header.base_offset < segment.end()) {
      return Corrupt("{}: byte {}: offset {} comes after {}", segment.path(),
                     scanner.position().value(), header.base_offset.value(), segment.end().value());
    }
    if ((header.last_offset() - segment.base()).value() > INT32_MAX) {
      return Corrupt("{}: byte {}: offset {} is too far from the base", segment.path(),
                     scanner.position().value(), header.last_offset().value());
    }
    const Status applied = replay_.Apply(scanner.batch());
    if (!applied.ok()) return FailedPrecondition("{}: {}", segment.path(), StatusMessage(applied));
    segment.Note(header);
    found_.scanned_bytes += ByteCount(static_cast<int64_t>(header.total_bytes()));
  }
}

// The log ends where the good batches do.
Status Recovery::Cut(Segment& segment, const Status& cause) {
  ASSIGN_OR_RETURN(const std::shared_ptr<File> file, segment.file());
  ASSIGN_OR_RETURN(const ByteCount size, file->Size());
  found_.cut_bytes = size - segment.size();
  LogWarning("log", "{}: cut {} bytes behind offset {}: {}", segment.path(),
             found_.cut_bytes.value(), found_.end.value(), StatusMessage(cause));
  if (cause.code() != StatusCode::kOutOfRange) {
    RETURN_IF_ERROR(
        SetAside(segment, *file, FilePosition(segment.size().value()), FilePosition(size.value())));
  }
  RETURN_IF_ERROR(segment.CutTail());
  return tail_cut.Hit();
}

// Bytes that an incomplete last batch does not explain: usually sectors that a power cut reordered,
// but a damaged disk looks the same. Nothing but zeros is not worth keeping.
Status Recovery::SetAside(Segment& segment, File& file, FilePosition from, FilePosition size) {
  std::shared_ptr<File> aside;
  Bytes chunk;
  for (FilePosition at = from; at < size;) {
    chunk.resize(std::min<size_t>(kCopyChunk, static_cast<size_t>((size - at).value())));
    ASSIGN_OR_RETURN(const size_t got, file.ReadAt(at, chunk));
    if (got == 0) break;
    const BytesView piece(chunk.data(), got);
    const bool zeros = std::ranges::all_of(piece, [](std::byte b) { return b == std::byte{0}; });
    if (aside == nullptr && !zeros) {
      const std::string name = CutFileName(segment.base(), from);
      ASSIGN_OR_RETURN(aside,
                       request_.files.Open(JoinPath(request_.folder, name), OpenMode::kCreate));
      LogWarning("log", "{}: the cut bytes are kept in {}", segment.path(), name);
    }
    const FilePosition target(0 + (at - from).value());
    if (aside != nullptr) RETURN_IF_ERROR(aside->WriteAt(target, {&piece, 1}));
    at = at + ByteCount(static_cast<int64_t>(got));
  }
  if (aside == nullptr) return OkStatus();
  RETURN_IF_ERROR(aside->Sync());
  return request_.files.SyncFolder(request_.folder);
}

}  // namespace

StatusOr<RecoveredLog> RecoverLog(const Log::OpenRequest& request, LogReplay& replay) {
  return Recovery(request, replay).Run();
}

}  // namespace atl::broker
