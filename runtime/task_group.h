// Every coroutine belongs to a TaskGroup: nothing is detached. Stop() forbids new tasks, cancels
// the running ones and waits for them; after that their owner may be destroyed. A cancelled task's
// pending operation ends with operation_aborted (as a value under kToken), and its next co_await
// throws Asio's operation_aborted, which ends the task quietly: clean up in destructors. One group
// lives on one reactor; Spawn and Stop are called on it.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>
#include <exception>
#include <list>
#include <string>

#include "runtime/reactor.h"

namespace atl::runtime {

class TaskGroup {
 public:
  TaskGroup(Reactor& reactor, std::string name);
  // Every task must have ended.
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  // Starts `task` now, on the group's reactor (which must be the caller's thread): it runs until
  // its first suspension before Spawn returns. Ignored (the task is dropped unstarted) once Stop()
  // was called. An exception that leaves a task is a bug: logged with the group's name, then abort.
  void Spawn(boost::asio::awaitable<void> task);
  // Cancels all and waits until all have ended. May be called by a task of another group only.
  boost::asio::awaitable<void> Stop();
  // The same from another thread (main): blocks it until done.
  void StopFromOutside();

  bool stopping() const { return stopping_; }
  size_t size() const { return running_.size(); }

 private:
  struct Running {
    boost::asio::cancellation_signal cancel;
  };
  void End(std::list<Running>::iterator running, const std::exception_ptr& error);

  Reactor& reactor_;
  const std::string name_;
  std::list<Running> running_;
  boost::asio::steady_timer ended_;
  bool stopping_ = false;
};

}  // namespace atl::runtime
