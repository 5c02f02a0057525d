// The process's slow clock: every 20 ms what was written lazily to the store is synced in one
// group, every 100 ms the groups look at their deadlines, every second the catalogue ticks
// (retention, state to the checkpoint, reopening of what is offline), what the quarantine could not
// read is looked at again, and so is readiness.
// What blocks runs on the blocking shard, one round at a time: a slow disk stretches the period
// instead of piling up rounds.
#pragma once

#include <memory>

#include "checkpoint/store.h"
#include "core-broker/admin/readiness.h"
#include "core-broker/catalog/catalog.h"
#include "core-broker/group/coordinator.h"
#include "mirror/ownership/quarantine.h"
#include "runtime/reactor.h"
#include "runtime/storage_shards.h"
#include "runtime/task_group.h"

namespace atl {

class Ticker {
 public:
  // All outlive this; `reactor` runs from before Start() to after Stop().
  struct Room {
    runtime::Reactor& reactor;
    runtime::StorageShards& blocking;
    checkpoint::Store& store;
    broker::Catalog& catalog;
    broker::Coordinator& groups;
    mirror::Quarantine& quarantine;
    broker::Readiness& readiness;
  };
  explicit Ticker(const Room& room);
  void Start();
  void Stop();

 private:
  boost::asio::awaitable<void> Run();

  const Room room_;
  runtime::TaskGroup tasks_;
};

}  // namespace atl
