#include "runtime/timer.h"

#include <boost/asio/this_coro.hpp>

#include "runtime/asio.h"

namespace atl::runtime {

awaitable<bool> Sleep(Duration duration) {
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor, duration);
  const auto result = co_await timer.async_wait(kToken);
  const auto& [error] = result;
  co_return !error;
}

Event::Event(Reactor& reactor) : timer_(reactor.context()) {}

void Event::Set() {
  set_ = true;
  woken_ = true;
  timer_.cancel();
}

awaitable<bool> Event::Wait(MonotonicTime deadline) {
  if (set_) co_return true;
  woken_ = false;
  timer_.expires_at(deadline);
  (void)co_await timer_.async_wait(kToken);
  // Reset() may have come between Set() and here: it was set all the same.
  co_return woken_;
}

awaitable<bool> Event::Wait() { return Wait(MonotonicTime::max()); }

}  // namespace atl::runtime
