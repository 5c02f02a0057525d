// One partition's log: a list of segments in Kafka's file format, the last one active.
// Files per segment, named by the 20-digit base offset: .log (batches as on the wire), .index (i32
// relative offset, i32 position) and .timeindex (i64 timestamp, i32 relative offset), all
// big-endian: Kafka's own dump tool reads them.
//
// Threads: Stage/Write/Roll/Restart/Trim on the partition's shard; Locate and the other const
// functions on any thread. Failure: after a failed write or sync the log is dead: every later write
// returns the same status until it is reopened. Nothing is ever deleted on doubt: a damaged middle
// is an error, only a torn tail behind the recovery point is cut.
#pragma once

#include <functional>
#include <memory>
#include <span>
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

// Where a read begins and how far it may go.
struct LogPosition {
  std::shared_ptr<const Segment> segment;
  FilePosition position;  // Of the batch that contains the offset, or the first one behind it.
  kafka::BatchHeader header;
};

class Log {
 public:
  // Called for every batch behind `recovery_point` while the log is opened, in order: rebuilds
  // epochs, producers, transactions. An error stops the opening.
  using Replay = std::function<Status(const kafka::BatchView&)>;

  // `recovery_point`: everything below it is durable and indexed (kNoOffset: nothing known, scan
  // all). What follows is scanned by CRC; the first bad or torn batch behind it ends the log (the
  // cut is logged and counted in `cut_bytes`). A bad batch below the recovery point is kDataLoss
  // and changes nothing.
  struct OpenOutcome {
    std::unique_ptr<Log> log;
    ByteCount scanned_bytes{0};
    ByteCount cut_bytes{0};
  };
  static StatusOr<OpenOutcome> Open(FileSystem& files, Clock& clock, std::string folder,
                                    const LogConfig& config, Offset recovery_point,
                                    const Replay& replay);

  // Shard. `batches` are whole, stamped and contiguous in memory order; their bytes must stay until
  // Write(). Rolls first where the segment is full (the sealed one is synced). Returns where the
  // log will end.
  Status Stage(const kafka::BatchHeader& header, BytesView batch);
  // Shard. One pwritev of all that was staged since the last call, then the index entries.
  Status Write();
  // Shard. Drops what was staged and not written.
  void Unstage();
  // The active segment's file, for the sync round.
  File* active_file() const;
  Status SyncActive();
  // Removes all segments and begins at `start`.
  Status RestartAt(Offset start);
  // Removes whole segments that end at or before `start`.
  Status TrimBefore(Offset start);
  void SetConfig(const LogConfig& config);

  // Any thread.
  Offset start() const;  // Of the first segment; the partition's log start may be higher.
  Offset end() const;    // Behind the last batch written.
  ByteCount size_bytes() const;
  // The batch that contains `offset`, or the first behind it; kNotFound at or behind the end,
  // kOutOfRange before start.
  StatusOr<LogPosition> Find(Offset offset) const;
  std::vector<std::shared_ptr<const Segment>> segments() const;

 private:
  // (left to the implementation)
};

}  // namespace atl::broker
