// What must be durable beside a partition's log before its records may be seen. The one user are
// fan-in topics (mirror/offsets/fan_in.h), whose records are worth nothing without the extents that
// say where they came from; to the broker it is an opaque companion. Partitions that it does not
// know stay as they are.
//
// Order of a turn: the records are written to the log, their notes to the companion (MappedAppend::
// OnWritten), the log is synced, the companion is flushed, the high watermark advances. Whenever a
// log is opened Settle() says where both agree, and the log is cut there: nobody has seen the rest.
#pragma once

#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "base/types.h"
#include "base/uuid.h"

namespace atl::broker {

// Records that get their offsets here, from a link's sources. Lives until its outcome is final.
class MappedAppend {
 public:
  virtual ~MappedAppend() = default;
  // On the shard, before anything is staged: an error refuses the append, nothing happened.
  virtual Status Admit() = 0;
  // Whole batches of any base offset; stamped in place, so they must stay until the turn is over.
  // May be empty: then only the note is taken.
  std::vector<MutableBytes> batches;
  // On the shard: the batches are written, the first record at `base`, without holes between them.
  // An error takes the partition offline.
  virtual Status OnWritten(Offset base) = 0;
  // On the shard: they are durable and visible.
  virtual void OnPublished() = 0;
};

// Settle on the thread that opens the partition or its shard, Flush on the shards.
class LogCompanion {
 public:
  virtual ~LogCompanion() = default;
  // Where the log that was found to end at `log_end` must end: there or before. What the companion
  // knew of anything behind that is forgotten, durably.
  virtual StatusOr<Offset> Settle(const TopicId& topic, PartitionId partition, Offset log_end) = 0;
  // All notes taken so far are durable when OK; cheap when there are none.
  virtual Status Flush() = 0;
};

}  // namespace atl::broker
