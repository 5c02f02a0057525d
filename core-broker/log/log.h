// One partition's log: a list of segments in Kafka's file format, the last one active.
// Files per segment, named by the 20-digit base offset: .log (batches as on the wire), .index (i32
// relative offset, i32 position) and .timeindex (i64 timestamp, i32 relative offset), all
// big-endian: Kafka's own dump tool reads them.
//
// Threads: everything under "Shard" on the partition's shard; the rest on any thread. Failure:
// after a failed write or sync the log is dead: every later write returns the same status until it
// is reopened. Nothing is ever deleted on doubt: a damaged middle is an error, only a tail behind
// the recovery point is cut, and what is cut and was no torn write is kept in a file beside.
// Order of a roll: the old segment is synced before the new one exists, so only the last segment
// can ever be torn.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/mutex.h"
#include "base/types.h"
#include "core-broker/log/segment.h"
#include "kafka/record/batch_view.h"

namespace atl::broker {

struct LogConfig {
  ByteCount segment_bytes{1 << 30};
  Duration segment_age = std::chrono::hours(24 * 7);
  ByteCount index_interval{4096};
  std::optional<Duration> retention_time = std::chrono::hours(24 * 7);  // Nothing: for ever.
  std::optional<ByteCount> retention_bytes;                             // Nothing: any size.
};

// Where a read begins.
struct LogPosition {
  std::shared_ptr<const Segment> segment;
  FilePosition position;  // Of the batch that contains the offset, or the first one behind it.
  std::optional<kafka::BatchHeader> header;  // Where the search had to read it.
};

// The end of the log as of one moment.
struct LogEnd {
  Offset offset;
  Offset segment_base;    // Of the segment that was active.
  FilePosition position;  // In it.
};

// Told every batch behind the recovery point while a log is opened: rebuilds epochs, producers,
// transactions.
class LogReplay {
 public:
  virtual ~LogReplay() = default;
  // The batches that follow begin at `from`; what is known of offsets at or behind it is void. When
  // it is not the recovery point that was asked for, so is what is known from before it.
  virtual void Begin(Offset from) = 0;
  // An error stops the opening.
  virtual Status Apply(const kafka::BatchView& batch) = 0;
};

class Log {
 public:
  struct OpenRequest {
    FileSystem& files;
    std::string folder;
    LogConfig config;
    // Everything below is durable and indexed. kNoOffset: nothing known, scan all.
    Offset recovery_point = kNoOffset;
    // Where the log begins when the folder holds none. A recovery point above it then means that
    // the segments were lost, which is kDataLoss.
    Offset first_offset{0};
  };
  struct OpenOutcome {
    std::unique_ptr<Log> log;
    ByteCount scanned_bytes{0};
    ByteCount cut_bytes{0};
    bool recovery_point_ahead = false;  // It claimed more than the log holds: the log won.
  };
  // The folder exists. What lies behind the recovery point is scanned by CRC; the first bad or torn
  // batch there ends the log (logged, counted in cut_bytes). A bad batch below it is kDataLoss and
  // changes nothing.
  static StatusOr<OpenOutcome> Open(const OpenRequest& request, LogReplay& replay);

  // --- Shard ---
  // `batch` is whole and stamped, `header` is what it says; its bytes must stay until Write().
  // Rolls first where the segment is full or too old: what is staged is then written, and synced.
  Status Stage(const kafka::BatchHeader& header, BytesView batch);
  // One pwritev of all that was staged since the last call, then the index entries.
  Status Write();
  // Drops what was staged and not written.
  void Unstage();
  Offset staged_end() const { return staged_end_; }
  // Starts a new segment at the log's end unless the active one is empty.
  Status Roll();
  // The active segment's file, for the sync round.
  File* active_file() const { return active_file_.get(); }
  Status SyncActive();
  // Writes what the active segment's index files lack.
  Status FlushIndexes() { return active_->FlushIndexes(); }
  // Removes all segments and begins at `start`.
  Status RestartAt(Offset start);
  // What lies at or behind `end` goes, durably: whole segments, then the tail of the one that is
  // active from now on. A batch below ends at `end`; start() lies below it.
  Status TruncateTo(Offset end);
  // Removes whole segments that end at or before `start`, never the active one.
  Status TrimBefore(Offset start);
  void SetConfig(const LogConfig& config) { config_ = config; }
  void CloseIdle() const;

  // --- Any ---
  Offset start() const;  // Of the first segment; the partition's log start may be higher.
  Offset end() const { return Offset(end_.load(std::memory_order_acquire)); }
  LogEnd EndPoint() const;  // Shard; a copy may be published.
  ByteCount size_bytes() const;
  // The batch that contains `offset`, or the first behind it; kNotFound at or behind the end,
  // kOutOfRange before start.
  StatusOr<LogPosition> Find(Offset offset) const;
  // From the one that contains `from` on; the oldest first.
  std::vector<std::shared_ptr<const Segment>> segments(Offset from = Offset(0)) const;

 private:
  Log(const OpenRequest& request, std::vector<std::shared_ptr<Segment>> segments, Offset end);
  bool MustRoll(const kafka::BatchHeader& header);
  Status RollTo(Offset base);
  Status Fail(const Status& status);
  Status Usable();
  Status SetActive(std::shared_ptr<Segment> segment);

  FileSystem& files_;
  const std::shared_ptr<const std::string> folder_;
  // Shard.
  LogConfig config_;
  Status failure_;
  std::shared_ptr<Segment> active_;
  std::shared_ptr<File> active_file_;
  Timestamp active_first_ = kNoTimestamp;  // The largest of the active segment's first batch.
  std::vector<BytesView> pieces_;          // Staged bytes; neighbours in memory are one piece.
  std::vector<Segment::Mark> marks_;       // Staged batches.
  ByteCount staged_bytes_;
  Offset staged_end_;
  // Any.
  std::atomic<int64_t> end_;
  mutable Mutex mutex_;
  std::vector<std::shared_ptr<Segment>> segments_ ABSL_GUARDED_BY(mutex_);  // Never empty.
};

}  // namespace atl::broker
