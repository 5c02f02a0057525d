// Reactors and signals with their real threads. Tests wait for what happens, never for time.
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <future>
#include <set>
#include <string>
#include <thread>

#include "base/failpoint.h"
#include "runtime/asio.h"
#include "runtime/hardware.h"
#include "runtime/reactor.h"
#include "runtime/signal.h"
#include "runtime/task_group.h"

#include <catch2/catch.hpp>

namespace atl::runtime {
namespace {

class AppendTask final : public ReactorTask {
 public:
  AppendTask(Reactor& reactor, std::string* log, char what, std::promise<void>* done = nullptr)
      : reactor_(reactor), log_(log), what_(what), done_(done) {}
  void RunOnReactor() override {
    log_->push_back(reactor_.is_current() ? what_ : '!');
    if (done_ != nullptr) done_->set_value();
  }

 private:
  Reactor& reactor_;
  std::string* const log_;
  const char what_;
  std::promise<void>* const done_;
};

TEST_CASE("Posted tasks run in order on the reactor's own thread", "[reactor]") {
  Reactor reactor("test");
  reactor.Start();
  REQUIRE(reactor.started());
  REQUIRE_FALSE(reactor.is_current());
  std::string log;
  std::promise<void> done;
  std::vector<std::unique_ptr<ReactorTask>> tasks;
  tasks.push_back(std::make_unique<AppendTask>(reactor, &log, 'a'));
  tasks.push_back(std::make_unique<AppendTask>(reactor, &log, 'b'));
  reactor.Post(std::move(tasks));
  tasks.clear();
  tasks.push_back(std::make_unique<AppendTask>(reactor, &log, 'c', &done));
  reactor.Post(std::move(tasks));
  done.get_future().wait();
  REQUIRE(log == "abc");
}

TEST_CASE("Stop runs what was posted before it", "[reactor]") {
  Reactor reactor("test");
  std::string log;
  reactor.Start();
  for (int i = 0; i < 100; ++i) {
    std::vector<std::unique_ptr<ReactorTask>> tasks;
    tasks.push_back(std::make_unique<AppendTask>(reactor, &log, 'x'));
    reactor.Post(std::move(tasks));
  }
  reactor.Stop();
  REQUIRE(log == std::string(100, 'x'));
  REQUIRE_FALSE(reactor.started());
  reactor.Stop();
}

Failpoint held("test.reactor_held");

class HoldTask final : public ReactorTask {
 public:
  void RunOnReactor() override { held.Pass(); }
};

TEST_CASE("A handler that holds the thread is counted as a stall", "[reactor]") {
  ReactorPool pool(1);
  REQUIRE(Failpoint::Configure("test.reactor_held=delay:60ms").ok());
  pool.Start();
  std::promise<void> done;
  std::string log;
  std::vector<std::unique_ptr<ReactorTask>> tasks;
  // Longer than the watch's period plus its limit: one of the two is seen whenever it starts.
  tasks.push_back(std::make_unique<HoldTask>());
  tasks.push_back(std::make_unique<AppendTask>(pool.at(0), &log, 'x', &done));
  pool.at(0).Post(std::move(tasks));
  done.get_future().wait();
  // The late timer is ready by now, hence runs before the reactor ends.
  while (pool.at(0).stalls() == 0) std::this_thread::yield();
  pool.Stop();
  REQUIRE(Failpoint::Configure("").ok());
  std::vector<MetricFamily> families;
  pool.AppendMetrics(families);
  REQUIRE(families.size() == 1);
  REQUIRE(families[0].name == "atoll_reactor_stalls_total");
  REQUIRE(families[0].metric[0].counter.value >= 1);
}

TEST_CASE("A pool deals its reactors out in turn", "[reactor]") {
  ReactorPool pool(3);
  REQUIRE(pool.size() == 3);
  std::multiset<std::string> dealt;
  for (int i = 0; i < 6; ++i) dealt.insert(pool.Next().name());
  for (int i = 0; i < 3; ++i) REQUIRE(dealt.count(pool.at(i).name()) == 2);
}

TEST_CASE("A machine has at least one processor", "[reactor]") { REQUIRE(HardwareThreads() >= 1); }

awaitable<void> WaitForSignal(Reactor* reactor, std::promise<int>* received) {
  received->set_value(co_await WaitForSignal(*reactor));
}

TEST_CASE("A stop signal is awaited, even one that came before the wait", "[signal]") {
  sigset_t before;
  REQUIRE(::pthread_sigmask(SIG_BLOCK, nullptr, &before) == 0);
  PrepareSignals();
  Reactor reactor("test");
  TaskGroup group(reactor, "signals");
  std::promise<int> received;
  SECTION("came before") {
    REQUIRE(::kill(::getpid(), SIGTERM) == 0);
    group.Spawn(WaitForSignal(&reactor, &received));
    reactor.Start();
  }
  SECTION("comes later") {
    group.Spawn(WaitForSignal(&reactor, &received));
    reactor.Start();
    REQUIRE(::kill(::getpid(), SIGTERM) == 0);
  }
  REQUIRE(received.get_future().get() == SIGTERM);
  group.StopFromOutside();
  reactor.Stop();
  REQUIRE(::pthread_sigmask(SIG_SETMASK, &before, nullptr) == 0);
}

}  // namespace
}  // namespace atl::runtime
