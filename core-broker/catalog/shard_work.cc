#include "core-broker/catalog/shard_work.h"

#include "base/mutex.h"

namespace atl::broker {

// Shared with the jobs: the last one may still be letting go when the waiter leaves.
struct ShardWork::Pending {
  Mutex mutex;
  CondVar done;
  int count ABSL_GUARDED_BY(mutex) = 0;
};

class ShardWork::Job final : public runtime::ShardJob {
 public:
  Job(std::shared_ptr<Pending> pending, std::function<void(runtime::ShardTurn&)> work)
      : pending_(std::move(pending)), work_(std::move(work)) {}
  void Run(runtime::ShardTurn& turn) override { work_(turn); }
  void Complete() override {
    MutexLock lock(&pending_->mutex);
    if (--pending_->count == 0) pending_->done.SignalAll();
  }

 private:
  const std::shared_ptr<Pending> pending_;
  const std::function<void(runtime::ShardTurn&)> work_;
};

ShardWork::ShardWork(runtime::StorageShards& shards)
    : shards_(shards), pending_(std::make_shared<Pending>()) {}

ShardWork::~ShardWork() { Wait(); }

void ShardWork::Post(int shard, std::function<void()> work) {
  PostStaging(shard, [work = std::move(work)](runtime::ShardTurn&) { work(); });
}

void ShardWork::PostStaging(int shard, std::function<void(runtime::ShardTurn&)> work) {
  {
    MutexLock lock(&pending_->mutex);
    ++pending_->count;
  }
  shards_.Post(shard, std::make_unique<Job>(pending_, std::move(work)));
}

void ShardWork::Wait() {
  MutexLock lock(&pending_->mutex);
  while (pending_->count > 0) pending_->done.Wait(&pending_->mutex);
}

}  // namespace atl::broker
