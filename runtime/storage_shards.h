// Storage shards: the threads on which all appends happen. A partition is hashed to one shard for
// life, so it has a single writer and needs no lock for its append state; what waits in the queue
// of a shard is written and synced together.
//
// One turn of a shard:   drain the queue -> Run() every job (it stages bytes in the partitions it
// touches)
//   -> WriteStaged() once per touched partition (one pwritev each) -> complete the jobs that asked
//   only for the write
//   -> one sync round over the files that need it (fdatasync for few, syncfs for many)
//   -> Publish() once per touched partition (high watermark, signals) -> complete the other jobs,
//   one wake-up a reactor.
//
// With zero threads the shards are inline: Post() runs a whole turn on the caller's thread (tests,
// the simulator); in that mode Hold()/Release() gather several posts into one turn.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/metrics.h"
#include "base/status.h"

namespace atl::runtime {

class Reactor;

// What a turn did to one partition. Lives as long as the shards.
class TurnParticipant {
 public:
  virtual ~TurnParticipant() = default;
  // Writes everything staged in this turn. Returns the file whose sync must succeed before Publish,
  // or null when there is none to sync (nothing written, a failed write, or a durability that does
  // not ask for it).
  virtual File* WriteStaged() = 0;
  // After the sync round. `sync` is the outcome of this participant's own file (OK when there was
  // none).
  virtual void Publish(const Status& sync) = 0;
};

class ShardTurn {
 public:
  // Makes `participant` part of this turn; once per turn is enough, more is harmless. It must stay
  // alive until the turn ends.
  void Touch(std::shared_ptr<TurnParticipant> participant);

 private:
  friend class Shard;
  std::vector<std::shared_ptr<TurnParticipant>> touched_;
};

enum class CompleteAfter { kWrite, kSync };

// One piece of work for one shard. Deleted after Complete().
class ShardJob {
 public:
  virtual ~ShardJob() = default;
  // On the shard's thread.
  virtual void Run(ShardTurn& turn) = 0;
  // On `home()`'s thread, or on the shard's when that is null.
  virtual void Complete() = 0;
  virtual CompleteAfter complete_after() const { return CompleteAfter::kSync; }
  virtual Reactor* home() const { return nullptr; }
};

class Shard;
struct ShardEnvironment;

class StorageShards {
 public:
  // `data_folder` is on the file system that SyncAll is asked for. `threads` 0: inline.
  StorageShards(int threads, FileSystem& files, std::string data_folder, Metrics& metrics);
  ~StorageShards();

  int size() const { return static_cast<int>(shards_.size()); }  // At least 1.
  // The shard of whatever hashes to `key`.
  int ShardOf(size_t key) const { return static_cast<int>(key % shards_.size()); }
  // Any thread. FIFO per shard. Posting after Stop() is a mistake (CHECK).
  void Post(int shard, std::unique_ptr<ShardJob> job);
  // Runs everything posted, then ends the threads.
  void Stop();

  // Inline mode only.
  void Hold();
  void Release();

 private:
  const bool inline_;
  bool held_ = false;  // Inline only.
  const std::unique_ptr<const ShardEnvironment> environment_;
  std::vector<std::unique_ptr<Shard>> shards_;
};

// Syncs `files` in as few and cheap calls as possible; outcome[i] is the status of files[i].
std::vector<Status> SyncRound(std::span<File* const> files, FileSystem& file_system,
                              const std::string& data_folder);

}  // namespace atl::runtime
