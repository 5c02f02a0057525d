// Calls that block (RocksDB, folders) from a coroutine: the work runs on a blocking shard, the
// coroutine waits on its reactor. When the coroutine is cancelled the work still runs to its end,
// so it may refer only to what it owns or to what outlives the blocking shards.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "base/status.h"
#include "runtime/asio.h"
#include "runtime/reactor.h"
#include "runtime/storage_shards.h"
#include "runtime/timer.h"

namespace atl::mirror {

template <class T>
struct BlockingResult {
  explicit BlockingResult(runtime::Reactor& reactor) : done(reactor) {}
  T value{};
  runtime::Event done;
};

template <class T>
class BlockingJob final : public runtime::ShardJob {
 public:
  BlockingJob(runtime::Reactor& home, std::function<T()> work,
              std::shared_ptr<BlockingResult<T>> result)
      : home_(home), work_(std::move(work)), result_(std::move(result)) {}
  void Run(runtime::ShardTurn&) override { result_->value = work_(); }
  void Complete() override { result_->done.Set(); }
  runtime::CompleteAfter complete_after() const override { return runtime::CompleteAfter::kWrite; }
  runtime::Reactor* home() const override { return &home_; }

 private:
  runtime::Reactor& home_;
  const std::function<T()> work_;
  const std::shared_ptr<BlockingResult<T>> result_;
};

template <class T>
runtime::awaitable<T> RunBlocking(runtime::StorageShards& blocking, runtime::Reactor& reactor,
                                  std::function<T()> work) {
  const auto result = std::make_shared<BlockingResult<T>>(reactor);
  blocking.Post(0, std::make_unique<BlockingJob<T>>(reactor, std::move(work), result));
  while (!result->done.is_set()) (void)co_await result->done.Wait();
  co_return std::move(result->value);
}

}  // namespace atl::mirror
