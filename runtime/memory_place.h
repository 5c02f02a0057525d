// A coroutine's place in the queue of a MemoryBudget. Internal to runtime/memory_budget. Lives in
// the frame of Acquire(), on the reactor that waits, and leaves the queue when that frame goes in
// whatever way: what was granted by then goes back. Apart from the coroutine, because a file with
// co_await has no locks.
#pragma once

#include <boost/asio/steady_timer.hpp>

#include <memory>

#include "runtime/memory_budget.h"

namespace atl::runtime {

class MemoryBudget::Place {
 public:
  Place(MemoryBudget& budget, Reactor& reactor, ByteCount bytes);
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place();

  // Ends, cancelled, when the bytes were granted. Wait on it at once after construction.
  boost::asio::steady_timer& timer();
  // Leaves the queue, with what was granted.
  MemoryPermit Take();

 private:
  MemoryBudget& budget_;
  const std::shared_ptr<Waiter> waiter_;
};

}  // namespace atl::runtime
