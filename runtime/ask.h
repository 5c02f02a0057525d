// A question to a shard by a thread that can wait: the work runs there, its result comes back.
// Never from a reactor, and never from the shard itself, which would wait for itself.
#pragma once

#include <functional>
#include <future>
#include <memory>
#include <utility>

#include "runtime/storage_shards.h"

namespace atl::runtime {

template <class T>
class AskJob final : public ShardJob {
 public:
  explicit AskJob(std::function<T()> work) : work_(std::move(work)) {}
  std::future<T> answer() { return answer_.get_future(); }
  void Run(ShardTurn&) override { answer_.set_value(work_()); }
  void Complete() override {}
  CompleteAfter complete_after() const override { return CompleteAfter::kWrite; }

 private:
  const std::function<T()> work_;
  std::promise<T> answer_;
};

template <class T>
T AskShard(StorageShards& shards, int shard, std::function<T()> work) {
  auto job = std::make_unique<AskJob<T>>(std::move(work));
  std::future<T> answer = job->answer();
  shards.Post(shard, std::move(job));
  return answer.get();
}

}  // namespace atl::runtime
