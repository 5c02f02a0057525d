// Waiting, in coroutines: sleeping, and an event that another piece of code sets.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/clock.h"
#include "runtime/reactor.h"

namespace atl::runtime {

// False when cancelled before the time was over.
boost::asio::awaitable<bool> Sleep(Duration duration);

// One coroutine waits, any code on the same reactor sets. Stays set until Reset(). Not thread-safe:
// from another thread set it through a ReactorTask.
class Event {
 public:
  explicit Event(Reactor& reactor);
  void Set();
  void Reset() { set_ = false; }
  bool is_set() const { return set_; }
  // Waits until set (true), the deadline, or cancellation (false).
  boost::asio::awaitable<bool> Wait(MonotonicTime deadline);
  boost::asio::awaitable<bool> Wait();

 private:
  boost::asio::steady_timer timer_;
  bool set_ = false;
  bool woken_ = false;  // By Set(), since the wait began.
};

}  // namespace atl::runtime
