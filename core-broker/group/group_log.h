// The one writer of groups: everything that waits in the coordinator's queue is written and synced
// together on the log's shard, in order. Twenty thousand commits a second cost a few hundred syncs
// that way, and none waits longer than for the sync before it and its own.
//
// For each entry, in order, on the shard's thread: prepare() -> the write is durable -> apply() ->
// done(OK); a failed write: done(error) and nothing is applied. The queue is the coordinator's,
// under the lock that also orders the decisions; Kick() follows when that is released. Thread-safe;
// no callback runs under the lock. The shard has one thread; it outlives the log.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/mutex.h"
#include "checkpoint/store.h"
#include "core-broker/group/offsets.h"
#include "runtime/storage_shards.h"

namespace atl::broker {

struct LogEntry {
  std::vector<OffsetChange> offsets;
  std::vector<checkpoint::GroupRecord> groups;
  std::vector<GroupId> removed_groups;
  bool announced = true;  // To listeners; false for what comes from another region.
  // Fills the entry when everything before it is applied: for what depends on the offsets stored.
  std::function<void(LogEntry&)> prepare;
  std::function<void(const Status&)> done;
};

class GroupLog {
 public:
  struct Owner {
    std::function<std::vector<LogEntry>()> take;           // All that waits.
    std::function<void(std::span<const LogEntry>)> apply;  // Makes durable entries visible.
  };
  GroupLog(checkpoint::Store& store, runtime::StorageShards& shard, Owner owner);
  ~GroupLog();

  // Something was queued.
  void Kick();
  // Blocks until all that was queued before is written. Not on the shard's thread.
  void Drain();

 private:
  class WriteJob;
  void WriteAll();
  void WriteEntries(std::vector<LogEntry> entries);
  void WriteTogether(std::span<LogEntry> entries);

  checkpoint::Store& store_;
  runtime::StorageShards& shard_;
  const Owner owner_;
  Mutex mutex_;  // A leaf.
  CondVar idle_;
  uint64_t kicks_ ABSL_GUARDED_BY(mutex_) = 0;
  bool posted_ ABSL_GUARDED_BY(mutex_) = false;  // A job is posted or runs.
};

}  // namespace atl::broker
