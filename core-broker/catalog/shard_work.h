// Runs pieces of work on storage shards and waits for all of them: how the catalogue, on a thread
// that may block, reaches partitions that only their shard may touch. With inline shards the work
// runs inside Post(). Never used on a shard's own thread, which would wait for itself.
#pragma once

#include <functional>
#include <memory>

#include "runtime/storage_shards.h"

namespace atl::broker {

class ShardWork {
 public:
  explicit ShardWork(runtime::StorageShards& shards);
  ~ShardWork();  // Waits.
  void Post(int shard, std::function<void()> work);
  // For work that stages appends: it touches what takes part in the turn.
  void PostStaging(int shard, std::function<void(runtime::ShardTurn&)> work);
  void Wait();

 private:
  struct Pending;
  class Job;
  runtime::StorageShards& shards_;
  const std::shared_ptr<Pending> pending_;
};

}  // namespace atl::broker
