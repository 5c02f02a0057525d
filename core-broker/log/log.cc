#include "core-broker/log/log.h"

#include <algorithm>

#include "base/check.h"
#include "base/failpoint.h"
#include "base/logging.h"
#include "core-broker/log/batch_cursor.h"
#include "core-broker/log/recovery.h"

namespace atl::broker {
namespace {

Failpoint new_created("roll.new_created");
Failpoint dir_synced("roll.dir_synced");
Failpoint old_sealed("roll.old_sealed");

}  // namespace

StatusOr<Log::OpenOutcome> Log::Open(const OpenRequest& request, LogReplay& replay) {
  ASSIGN_OR_RETURN(RecoveredLog found, RecoverLog(request, replay));
  std::shared_ptr<Segment> active = found.segments.back();
  OpenOutcome outcome;
  outcome.log.reset(new Log(request, std::move(found.segments), found.end));
  RETURN_IF_ERROR(outcome.log->SetActive(std::move(active)));
  outcome.scanned_bytes = found.scanned_bytes;
  outcome.cut_bytes = found.cut_bytes;
  outcome.recovery_point_ahead = found.recovery_point_ahead;
  return outcome;
}

Log::Log(const OpenRequest& request, std::vector<std::shared_ptr<Segment>> segments, Offset end)
    : files_(request.files),
      folder_(std::make_shared<const std::string>(request.folder)),
      config_(request.config),
      staged_end_(end),
      end_(end.value()),
      segments_(std::move(segments)) {}

Status Log::SetActive(std::shared_ptr<Segment> segment) {
  active_ = std::move(segment);
  ASSIGN_OR_RETURN(active_file_, active_->file());
  active_first_ = kNoTimestamp;
  if (active_->size() == ByteCount(0)) return OkStatus();
  HeaderCursor cursor(*active_file_, FilePosition(0), FilePosition(active_->size().value()));
  ASSIGN_OR_RETURN(const bool moved, cursor.Next());
  if (moved) active_first_ = cursor.header().max_timestamp;
  return OkStatus();
}

Status Log::Fail(const Status& status) {
  if (failure_.ok()) failure_ = status;
  return failure_;
}

// Not OK once a write or a sync has failed.
Status Log::Usable() {
  if (failure_.ok()) return OkStatus();
  Unstage();
  return failure_;
}

// Kafka's rule (LogSegment.shouldRoll): full, too old by the records' own time, or too far from the
// base.
bool Log::MustRoll(const kafka::BatchHeader& header) {
  const ByteCount used = active_->size() + staged_bytes_;
  if (used == ByteCount(0)) return false;
  const ByteCount batch(static_cast<int64_t>(header.total_bytes()));
  if (used + batch > config_.segment_bytes || used.value() > INT32_MAX) return true;
  if ((header.last_offset() - active_->base()).value() > INT32_MAX) return true;
  if (active_first_ == kNoTimestamp || header.max_timestamp == kNoTimestamp) return false;
  const auto age = std::chrono::milliseconds(
      std::max<int64_t>(0, header.max_timestamp.value() - active_first_.value()));
  return age > std::chrono::duration_cast<std::chrono::milliseconds>(config_.segment_age);
}

Status Log::Stage(const kafka::BatchHeader& header, BytesView batch) {
  RETURN_IF_ERROR(Usable());
  CHECK(header.base_offset >= staged_end_, "offset {} staged behind {}", header.base_offset.value(),
        staged_end_.value());
  if (MustRoll(header)) {
    // A hole too wide for an index begins the new segment behind it.
    const bool far = (header.last_offset() - staged_end_).value() > INT32_MAX;
    const Offset base = far ? header.base_offset : staged_end_;
    RETURN_IF_ERROR(Write());
    if (const Status rolled = RollTo(base); !rolled.ok()) return Fail(rolled);
  }
  if (active_->size() + staged_bytes_ == ByteCount(0)) active_first_ = header.max_timestamp;
  const bool neighbour =
      !pieces_.empty() && pieces_.back().data() + pieces_.back().size() == batch.data();
  if (neighbour) {
    pieces_.back() = BytesView(pieces_.back().data(), pieces_.back().size() + batch.size());
  } else {
    pieces_.push_back(batch);
  }
  const ByteCount bytes(static_cast<int64_t>(batch.size()));
  marks_.push_back({header.last_offset(), header.max_timestamp, bytes});
  staged_bytes_ += bytes;
  staged_end_ = header.next_offset();
  return OkStatus();
}

Status Log::Write() {
  RETURN_IF_ERROR(Usable());
  if (pieces_.empty()) return OkStatus();
  const FilePosition at(active_->size().value());
  const Status written = active_file_->WriteAt(at, pieces_);
  // What a failed write left lies behind the end and is cut when the log is opened again.
  if (!written.ok()) {
    Unstage();
    return Fail(written);
  }
  active_->Append(marks_, staged_end_);
  end_.store(staged_end_.value(), std::memory_order_release);
  pieces_.clear();
  marks_.clear();
  staged_bytes_ = ByteCount(0);
  return OkStatus();
}

void Log::Unstage() {
  pieces_.clear();
  marks_.clear();
  staged_bytes_ = ByteCount(0);
  staged_end_ = end();
}

Status Log::Roll() {
  RETURN_IF_ERROR(Write());
  if (active_->size() == ByteCount(0)) return OkStatus();
  const Status rolled = RollTo(end());
  return rolled.ok() ? rolled : Fail(rolled);
}

Status Log::RollTo(Offset base) {
  RETURN_IF_ERROR(active_file_->Sync());
  RETURN_IF_ERROR(active_->Seal());
  RETURN_IF_ERROR(old_sealed.Hit());
  auto next = std::make_shared<Segment>(files_, folder_, base, config_.index_interval);
  RETURN_IF_ERROR(next->Create());
  RETURN_IF_ERROR(new_created.Hit());
  RETURN_IF_ERROR(files_.SyncFolder(*folder_));
  RETURN_IF_ERROR(dir_synced.Hit());
  RETURN_IF_ERROR(SetActive(next));
  MutexLock lock(&mutex_);
  segments_.push_back(std::move(next));
  return OkStatus();
}

Status Log::SyncActive() {
  RETURN_IF_ERROR(Usable());
  const Status synced = active_file_->Sync();
  return synced.ok() ? synced : Fail(synced);
}

Status Log::RestartAt(Offset start) {
  RETURN_IF_ERROR(Usable());
  Unstage();
  std::vector<std::shared_ptr<Segment>> old;
  {
    MutexLock lock(&mutex_);
    old = segments_;
  }
  const auto restart = [&]() -> Status {
    for (const auto& segment : old) RETURN_IF_ERROR(segment->RemoveFiles());
    RETURN_IF_ERROR(files_.SyncFolder(*folder_));
    auto fresh = std::make_shared<Segment>(files_, folder_, start, config_.index_interval);
    RETURN_IF_ERROR(fresh->Create());
    RETURN_IF_ERROR(files_.SyncFolder(*folder_));
    RETURN_IF_ERROR(SetActive(fresh));
    MutexLock lock(&mutex_);
    segments_ = {std::move(fresh)};
    return OkStatus();
  };
  const Status restarted = restart();
  if (!restarted.ok()) return Fail(restarted);
  end_.store(start.value(), std::memory_order_release);
  staged_end_ = start;
  return OkStatus();
}

Status Log::TruncateTo(Offset end) {
  RETURN_IF_ERROR(Usable());
  Unstage();
  std::vector<std::shared_ptr<Segment>> gone;
  std::shared_ptr<Segment> kept;
  {
    MutexLock lock(&mutex_);
    CHECK(segments_.front()->base() < end, "offset {} is not above the log's first", end.value());
    while (segments_.back()->base() >= end) {
      gone.push_back(segments_.back());
      segments_.pop_back();
    }
    kept = segments_.back();
  }
  end_.store(end.value(), std::memory_order_release);
  staged_end_ = end;
  const auto truncate = [&]() -> Status {
    // From the end on: a crash leaves no hole that a source's log does not have.
    for (const auto& segment : gone) {
      RETURN_IF_ERROR(segment->RemoveFiles());
      RETURN_IF_ERROR(files_.SyncFolder(*folder_));
    }
    RETURN_IF_ERROR(kept->TruncateTo(end));
    return SetActive(kept);
  };
  const Status truncated = truncate();
  return truncated.ok() ? truncated : Fail(truncated);
}

Status Log::TrimBefore(Offset start) {
  std::vector<std::shared_ptr<Segment>> gone;
  {
    MutexLock lock(&mutex_);
    size_t count = 0;
    while (count + 1 < segments_.size() && segments_[count + 1]->base() <= start) ++count;
    const auto kept = segments_.begin() + static_cast<std::ptrdiff_t>(count);
    gone.assign(segments_.begin(), kept);
    segments_.erase(segments_.begin(), kept);
  }
  // A file that can't be removed is below the log start and goes at the next opening.
  for (const auto& segment : gone) RETURN_IF_ERROR(segment->RemoveFiles());
  return gone.empty() ? OkStatus() : files_.SyncFolder(*folder_);
}

void Log::CloseIdle() const {
  for (const auto& segment : segments()) segment->CloseIdle();
}

Offset Log::start() const {
  MutexLock lock(&mutex_);
  return segments_.front()->base();
}

LogEnd Log::EndPoint() const {
  return {end(), active_->base(), FilePosition(active_->size().value())};
}

ByteCount Log::size_bytes() const {
  MutexLock lock(&mutex_);
  ByteCount bytes;
  for (const auto& segment : segments_) bytes += segment->size();
  return bytes;
}

std::vector<std::shared_ptr<const Segment>> Log::segments(Offset from) const {
  MutexLock lock(&mutex_);
  auto first =
      std::upper_bound(segments_.begin(), segments_.end(), from,
                       [](Offset a, const std::shared_ptr<Segment>& b) { return a < b->base(); });
  if (first != segments_.begin()) --first;
  return {first, segments_.end()};
}

StatusOr<LogPosition> Log::Find(Offset offset) const {
  if (offset >= end()) {
    return NotFound("{}: offset {} is at or behind the end", *folder_, offset.value());
  }
  std::shared_ptr<const Segment> segment;
  std::shared_ptr<const Segment> next;
  {
    MutexLock lock(&mutex_);
    const auto behind =
        std::upper_bound(segments_.begin(), segments_.end(), offset,
                         [](Offset a, const std::shared_ptr<Segment>& b) { return a < b->base(); });
    if (behind == segments_.begin()) {
      return OutOfRange("{}: offset {} is before the start", *folder_, offset.value());
    }
    segment = *std::prev(behind);
    if (behind != segments_.end()) next = *behind;
  }
  ASSIGN_OR_RETURN(const Segment::SeekPoint found, segment->Seek(offset));
  if (found.position.value() < segment->size().value()) {
    return LogPosition{std::move(segment), found.position, found.header};
  }
  // A hole at the segment's end: the next one begins behind it.
  if (next == nullptr) return NotFound("{}: no batch at offset {}", *folder_, offset.value());
  return LogPosition{std::move(next), FilePosition(0), {}};
}

}  // namespace atl::broker
