// How partitions tell a fetcher that something moved: a list of dirty tokens, and one wake-up when
// a fetch waits. Partitions call OnProgress on their shard; everything else is called on the home
// reactor. An idle partition costs nothing here; a busy one costs one entry until the list is read.
#pragma once

#include <memory>
#include <vector>

#include "base/mutex.h"
#include "core-broker/partition/partition.h"
#include "runtime/reactor.h"

namespace atl::broker {

// Who is woken.
class FetchWaiter {
 public:
  virtual ~FetchWaiter() = default;
  virtual void OnProgress() = 0;  // On the home reactor. May Arm() again.
};

class FetchSignal final : public PartitionListener,
                          public std::enable_shared_from_this<FetchSignal> {
 public:
  explicit FetchSignal(runtime::Reactor& home) : home_(home) {}

  void OnProgress(uint64_t token) noexcept override;

  // Appends the dirty tokens to `tokens` and forgets them.
  void TakeDirty(std::vector<uint32_t>& tokens);
  // The next progress wakes `waiter`, once. False, and nothing is armed, when there was some since
  // the last TakeDirty: read again instead.
  bool Arm(FetchWaiter& waiter);
  // Nothing happens when somebody else has armed since.
  void Disarm(const FetchWaiter& waiter);

 private:
  class Wake;

  runtime::Reactor& home_;
  FetchWaiter* waiter_ = nullptr;  // Home reactor only.
  Mutex mutex_;
  std::vector<uint32_t> dirty_ ABSL_GUARDED_BY(mutex_);
  std::vector<bool> is_dirty_ ABSL_GUARDED_BY(mutex_);  // By token.
  bool armed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace atl::broker
