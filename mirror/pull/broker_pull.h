// All connections of a link to one source broker. Starts with one fetcher; adds more while a
// backlog is bound by the line and more connections pay (pull_pace.h), deals the backlogged
// partitions out between them, and goes back to one when the link has caught up. Lives on the
// link's reactor; its fetchers run in the link's task group.
#pragma once

#include <memory>
#include <vector>

#include "base/random.h"
#include "mirror/pull/fetcher.h"
#include "runtime/task_group.h"

namespace atl::mirror {

class BrokerPull {
 public:
  // All outlive this; `group` has ended before this is destroyed.
  struct Room {
    runtime::Reactor& reactor;
    runtime::TaskGroup& group;
    Source& source;
    Sink& sink;
    PullHost& host;
    runtime::MemoryBudget& budget;
  };
  BrokerPull(const Room& room, Fetcher::Options options, Random random);

  void Add(PartitionPtr partition);
  // Several times a second: number of connections, ends of those that are done. `brokers` share the
  // link's budget.
  void Update(MonotonicTime now, size_t brokers);
  // Ends all fetchers once their partitions are gone.
  void Retire();
  bool ended() const { return fetchers_.empty(); }
  NodeId node() const { return options_.node; }
  ByteCount received_bytes() const;

 private:
  void Open();
  void Rebalance(Fetcher& fetcher);
  Fetcher* Roomiest(const Fetcher& except);

  const Room room_;
  const Fetcher::Options options_;
  Random random_;
  SlotPlan plan_;
  std::vector<std::unique_ptr<Fetcher>> fetchers_;  // Those that go are behind those that stay.
  ByteCount past_received_{0};
  bool retired_ = false;
};

}  // namespace atl::mirror
