#include "runtime/task_group.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include <cstdlib>
#include <exception>
#include <utility>

#include "base/check.h"
#include "base/clock.h"
#include "base/logging.h"
#include "runtime/asio.h"

namespace atl::runtime {
namespace {

// Asio throws this out of a co_await that comes after the cancellation; everything else is a bug.
bool IsCancellation(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const boost::system::system_error& thrown) {
    return thrown.code() == asio::error::operation_aborted;
  } catch (...) {
    return false;
  }
}

std::string Describe(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& thrown) {
    return thrown.what();
  } catch (...) {
    return "not a std::exception";
  }
}

}  // namespace

TaskGroup::TaskGroup(Reactor& reactor, std::string name)
    : reactor_(reactor), name_(std::move(name)), ended_(reactor.context(), MonotonicTime::max()) {}

TaskGroup::~TaskGroup() {
  CHECK(running_.empty(), "task group {} destroyed with {} tasks running", name_, running_.size());
}

void TaskGroup::Spawn(awaitable<void> task) {
  CHECK(!reactor_.started() || reactor_.is_current(), "task group {}: Spawn off its reactor",
        name_);
  if (stopping_) return;
  const auto running = running_.emplace(running_.end());
  auto on_end = [this, running](const std::exception_ptr& error) { End(running, error); };
  asio::co_spawn(reactor_.executor(), std::move(task),
                 asio::bind_cancellation_slot(running->cancel.slot(), std::move(on_end)));
}

void TaskGroup::End(std::list<Running>::iterator running, const std::exception_ptr& error) {
  if (error && !(stopping_ && IsCancellation(error))) {
    LogError("runtime", "task group {}: a task ended with an exception: {}", name_,
             Describe(error));
    std::abort();
  }
  running_.erase(running);
  if (running_.empty()) ended_.cancel();
}

awaitable<void> TaskGroup::Stop() {
  stopping_ = true;
  // Who calls may be cancelled itself, and must still not go on before the tasks have ended.
  const bool throws = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  for (auto next = running_.begin(); next != running_.end();) {
    Running& task = *next++;
    task.cancel.emit(asio::cancellation_type::terminal);
  }
  while (!running_.empty()) (void)co_await ended_.async_wait(kToken);
  co_await asio::this_coro::throw_if_cancelled(throws);
}

void TaskGroup::StopFromOutside() {
  CHECK(!reactor_.is_current(), "task group {}: its own reactor can't block on it", name_);
  asio::co_spawn(reactor_.executor(), Stop(), asio::use_future).get();
}

}  // namespace atl::runtime
