// One stretch of a partition's log: BASE.log and its two indexes. The last segment of a log is
// active: it is written, and its indexes are kept in memory. The others are sealed: they never
// change, their files and indexes are opened at the first read and let go when idle.
//
// Threads: one writer (the partition's shard); the functions under "Any" on every thread. The mutex
// is a leaf and covers only index look-ups and the first opening of a sealed file. A reader must
// not go beyond what the partition has published.
// Invariant: [0, size()) holds whole batches with rising offsets.
// Failure: indexes are derived: what is missing or does not fit is rebuilt by walking the headers,
// and an entry is believed only when a batch with that last offset lies where it points. Damage in
// the log itself is kDataLoss for the reads that meet it.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/file.h"
#include "base/mutex.h"
#include "core-broker/log/filename.h"
#include "core-broker/log/offset_index.h"
#include "core-broker/log/time_index.h"
#include "kafka/record/batch_view.h"

namespace atl::broker {

class Segment {
 public:
  // What the indexes need of a batch.
  struct Mark {
    Offset last_offset;
    Timestamp max_timestamp;
    ByteCount bytes;
  };
  struct SeekPoint {
    FilePosition position;
    std::optional<kafka::BatchHeader> header;  // Where the search had to read it.
  };
  struct Boundary {
    FilePosition position;  // A batch begins or the segment ends here.
    Offset upper;           // Every batch before the position lies below this offset.
  };

  Segment(FileSystem& files, std::shared_ptr<const std::string> folder, Offset base,
          ByteCount index_interval);

  // --- Any ---
  Offset base() const { return base_; }
  ByteCount size() const { return ByteCount(size_.load(std::memory_order_acquire)); }
  std::string path() const;
  StatusOr<std::shared_ptr<File>> file() const;
  // The batch that contains `offset` or the first one behind it; position size() when there is
  // none.
  StatusOr<SeekPoint> Seek(Offset offset) const;
  // The last indexed batch that begins in (from, at]; nothing when there is none.
  StatusOr<std::optional<Boundary>> BoundaryAt(FilePosition from, FilePosition at) const;
  // The largest timestamp and the last offset of the first batch that has it.
  StatusOr<TimeEntry> largest() const;
  // Of a sealed segment: behind its last batch, found from the last index entry on.
  StatusOr<Offset> SealedEnd() const;
  // Every batch before the answer is older than `at`.
  StatusOr<FilePosition> SeekTimestamp(Timestamp at) const;
  // Closes a sealed segment's files unless somebody read since the last call.
  void CloseIdle() const;

  // --- Shard ---
  // A new, empty, active segment; its name is not durable before the folder is synced.
  Status Create();
  // Takes the size of the file as it is, whatever it holds.
  Status Measure();
  // Opens the file for writing, loads the indexes below `end` and walks the headers up to there.
  // Answers where `end` lies. kOutOfRange: the file ends before `end`;
  // kFailedPrecondition: `end` lies inside a batch; kDataLoss: damage before it.
  struct Loaded {
    FilePosition position;
    bool rebuilt = false;  // The indexes on disk were missing or wrong.
  };
  StatusOr<Loaded> OpenActive(Offset end);
  // Behind the last one; recovery calls it for every batch it has checked.
  void Note(const kafka::BatchHeader& header);
  // The file has more than was noted: it ends here, durably.
  Status CutTail();
  // Active from now on, and ends where its batches below `end` do, durably, with its indexes.
  Status TruncateTo(Offset end);
  // These batches, the last one ending before `end`, now lie behind the last one.
  void Append(std::span<const Mark> marks, Offset end);
  // Writes and syncs what the index files lack.
  Status FlushIndexes();
  // The last entry of the time index, then FlushIndexes; from now on sealed.
  Status Seal();
  Status RemoveFiles() const;
  Offset end() const;  // Behind the last batch; of an active segment.

 private:
  std::string PathOf(SegmentFileKind kind) const;
  Status PrepareLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool ReadIndexesLocked(Offset end) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ForgetIndexesLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  StatusOr<FilePosition> WalkLocked(Offset end) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void NoteLocked(const Mark& mark, FilePosition position) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  template <class Index>
  Status Flush(SegmentFileKind kind, const Index& index,
               std::optional<size_t>& flushed) ABSL_NO_THREAD_SAFETY_ANALYSIS;
  // The file's last whole entry; nothing when there is none or the file's length is wrong.
  template <size_t entry_bytes>
  std::optional<std::array<std::byte, entry_bytes>> LastEntry(SegmentFileKind kind) const;
  StatusOr<SeekPoint> Walk(File& file, std::optional<IndexEntry> from, Offset offset) const;

  // The end of a recent write: what a reader at the tail asks for.
  struct Point {
    Offset offset = kNoOffset;
    FilePosition position;
  };

  FileSystem& files_;
  const std::shared_ptr<const std::string> folder_;
  const Offset base_;
  const ByteCount index_interval_;
  std::atomic<int64_t> size_{0};

  mutable Mutex mutex_;
  mutable std::shared_ptr<File> file_ ABSL_GUARDED_BY(mutex_);
  mutable bool loaded_ ABSL_GUARDED_BY(mutex_) = false;  // The indexes are in memory.
  mutable bool used_ ABSL_GUARDED_BY(mutex_) = false;
  bool active_ ABSL_GUARDED_BY(mutex_) = false;
  mutable OffsetIndex offset_index_ ABSL_GUARDED_BY(mutex_);
  mutable TimeIndex time_index_ ABSL_GUARDED_BY(mutex_);
  // How many entries the files have; nothing: the files' contents are not known to be right.
  mutable std::optional<size_t> offsets_flushed_ ABSL_GUARDED_BY(mutex_);
  mutable std::optional<size_t> times_flushed_ ABSL_GUARDED_BY(mutex_);
  mutable TimeEntry largest_ ABSL_GUARDED_BY(mutex_);
  mutable Offset end_ ABSL_GUARDED_BY(mutex_);
  mutable ByteCount bytes_since_entry_ ABSL_GUARDED_BY(mutex_);
  std::array<Point, 8> recent_ ABSL_GUARDED_BY(mutex_);
  size_t next_recent_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace atl::broker
