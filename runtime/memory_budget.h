// A budget of bytes for what comes from outside: a frame is read only under a permit, so that many
// clients with big frames make each other wait instead of making the process die. Thread-safe;
// waiters are served in order.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <deque>
#include <memory>
#include <utility>

#include "base/mutex.h"
#include "base/types.h"
#include "runtime/reactor.h"

namespace atl::runtime {

class MemoryBudget;

// Gives its bytes back when destroyed. Movable.
class MemoryPermit {
 public:
  MemoryPermit() = default;
  MemoryPermit(MemoryBudget& budget, ByteCount bytes) : budget_(&budget), bytes_(bytes) {}
  MemoryPermit(MemoryPermit&& other) noexcept { *this = std::move(other); }
  MemoryPermit& operator=(MemoryPermit&& other) noexcept;
  ~MemoryPermit() { Release(); }
  void Release();
  ByteCount bytes() const { return bytes_; }
  explicit operator bool() const { return budget_ != nullptr; }

 private:
  MemoryBudget* budget_ = nullptr;
  ByteCount bytes_{0};
};

class MemoryBudget {
 public:
  explicit MemoryBudget(ByteCount capacity) : capacity_(capacity) {}
  // An empty permit when the bytes are not there now. More than the whole capacity is never
  // granted.
  MemoryPermit TryAcquire(ByteCount bytes);
  // Waits for its turn on `reactor`, the caller's. An empty permit when cancelled or impossible.
  boost::asio::awaitable<MemoryPermit> Acquire(Reactor& reactor, ByteCount bytes);
  ByteCount used() const;
  ByteCount capacity() const { return capacity_; }

 private:
  friend class MemoryPermit;
  struct Waiter;
  class Wake;
  class Place;
  void Give(ByteCount bytes);
  void GrantWaiting();

  const ByteCount capacity_;
  mutable Mutex mutex_;
  ByteCount used_ ABSL_GUARDED_BY(mutex_){0};
  std::deque<std::shared_ptr<Waiter>> waiters_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace atl::runtime
