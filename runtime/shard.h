// One storage shard: a queue, and the thread (or the caller, inline) that takes its turns. Internal
// to runtime/storage_shards. The queue is under the lock; everything else belongs to whoever takes
// the turn, which is one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/hash_map.h"
#include "base/mutex.h"
#include "runtime/reactor.h"
#include "runtime/storage_shards.h"

namespace atl::runtime {

// What the shards of a process share; outlives them.
struct ShardEnvironment {
  FileSystem& files;
  const std::string data_folder;
  Histogram& sync_seconds;
  Counter& sync_errors;
};

class Shard {
 public:
  explicit Shard(const ShardEnvironment& environment) : environment_(environment) {}

  void StartThread(const std::string& name);
  void Post(std::unique_ptr<ShardJob> job);
  // Takes turns until the queue is empty. Does nothing inside a turn: the one who takes it goes on.
  void RunInline();
  // Runs what was posted, then refuses more and ends the thread.
  void Stop();

 private:
  using Jobs = std::vector<std::unique_ptr<ShardJob>>;

  void RunThread();
  void RunTurn(Jobs jobs);
  std::vector<Status> Sync(const std::vector<File*>& file_of);
  void Complete(Jobs& jobs, CompleteAfter phase);

  const ShardEnvironment& environment_;
  std::thread thread_;
  Mutex mutex_;
  CondVar posted_;
  Jobs queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  bool in_turn_ = false;                     // Inline only.
  HashSet<const TurnParticipant*> touched_;  // Of the running turn; kept for its memory.
};

}  // namespace atl::runtime
