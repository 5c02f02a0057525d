// Task groups, waiting, the memory budget and backoff. Reactors are turned by hand, so that the
// order of steps is the test's.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runtime/asio.h"
#include "runtime/backoff.h"
#include "runtime/memory_budget.h"
#include "runtime/reactor.h"
#include "runtime/task_group.h"
#include "runtime/timer.h"

#include <catch2/catch.hpp>

namespace atl::runtime {
namespace {

// Runs what is ready.
void Turn(Reactor& reactor) {
  reactor.context().restart();
  reactor.context().poll();
}

void StopNow(Reactor& reactor, TaskGroup& group) {
  bool done = false;
  auto stop = [](TaskGroup* stopped, bool* ended) -> awaitable<void> {
    co_await stopped->Stop();
    *ended = true;
  };
  asio::co_spawn(reactor.executor(), stop(&group, &done),
                 [](const std::exception_ptr& error) { REQUIRE_FALSE(error); });
  Turn(reactor);
  REQUIRE(done);
}

awaitable<void> Append(std::string* log, char what) {
  log->push_back(what);
  co_return;
}

awaitable<void> SleepThenAppend(std::string* log) {
  const bool slept = co_await Sleep(std::chrono::hours(1));
  log->append(slept ? "slept" : "cancelled");
}

awaitable<void> SleepAgainAndAgain(std::shared_ptr<int> held) {
  while (true) {
    (void)co_await Sleep(std::chrono::hours(1));
    ++*held;
  }
}

TEST_CASE("A spawned task runs and leaves its group when it ends", "[task_group]") {
  Reactor reactor("test");
  TaskGroup group(reactor, "tasks");
  std::string log;
  group.Spawn(Append(&log, 'a'));
  group.Spawn(Append(&log, 'b'));
  REQUIRE(group.size() == 2);
  Turn(reactor);
  REQUIRE(log == "ab");
  REQUIRE(group.size() == 0);
}

TEST_CASE("A task spawned on the reactor runs up to its first suspension at once", "[task_group]") {
  Reactor reactor("test");
  TaskGroup group(reactor, "tasks");
  std::string log;
  asio::post(reactor.context(), [&] {
    group.Spawn(Append(&log, 'a'));
    log.push_back('|');
  });
  Turn(reactor);
  REQUIRE(log == "a|");
}

TEST_CASE("Stop cancels what runs, waits for it, and refuses new tasks", "[task_group]") {
  Reactor reactor("test");
  TaskGroup group(reactor, "tasks");
  std::string log;
  group.Spawn(SleepThenAppend(&log));
  Turn(reactor);
  REQUIRE(log.empty());
  StopNow(reactor, group);
  REQUIRE(log == "cancelled");
  REQUIRE(group.stopping());
  group.Spawn(Append(&log, 'x'));
  Turn(reactor);
  REQUIRE(log == "cancelled");
  StopNow(reactor, group);
}

TEST_CASE("A task that would wait again after its cancellation ends all the same, unwound",
          "[task_group]") {
  Reactor reactor("test");
  TaskGroup group(reactor, "tasks");
  auto held = std::make_shared<int>(0);
  group.Spawn(SleepAgainAndAgain(held));
  Turn(reactor);
  REQUIRE(held.use_count() == 2);
  StopNow(reactor, group);
  REQUIRE(*held == 1);
  REQUIRE(held.use_count() == 1);
}

TEST_CASE("A group is stopped from another thread while its reactor runs", "[task_group]") {
  Reactor reactor("test");
  TaskGroup group(reactor, "tasks");
  std::string log;
  group.Spawn(SleepThenAppend(&log));
  reactor.Start();
  group.StopFromOutside();
  reactor.Stop();
  REQUIRE(log == "cancelled");
}

awaitable<void> StopAndAppend(TaskGroup* group, std::string* log) {
  co_await group->Stop();
  log->append("stopped");
}

TEST_CASE("Stop waits for the tasks even when its caller is cancelled meanwhile", "[task_group]") {
  Reactor reactor("test");
  TaskGroup outer(reactor, "outer");
  std::string log;
  std::optional<TaskGroup> inner(std::in_place, reactor, "inner");
  inner->Spawn(SleepThenAppend(&log));
  Turn(reactor);
  outer.Spawn(StopAndAppend(&*inner, &log));
  StopNow(reactor, outer);
  REQUIRE(log == "cancelledstopped");
  inner.reset();
}

awaitable<void> WaitFor(Event* event, MonotonicTime deadline, std::optional<bool>* outcome) {
  *outcome = co_await event->Wait(deadline);
}

TEST_CASE("An event wakes its waiter, stays set, and waits anew after Reset", "[event]") {
  Reactor reactor("test");
  TaskGroup group(reactor, "tasks");
  Event event(reactor);
  std::optional<bool> outcome;
  group.Spawn(WaitFor(&event, MonotonicTime::max(), &outcome));
  Turn(reactor);
  REQUIRE_FALSE(outcome);
  event.Set();
  SECTION("set") { Turn(reactor); }
  SECTION("set and reset before the waiter came round") {
    event.Reset();
    Turn(reactor);
  }
  REQUIRE(outcome == true);
  event.Set();
  outcome.reset();
  group.Spawn(WaitFor(&event, MonotonicTime::max(), &outcome));
  Turn(reactor);
  REQUIRE(outcome == true);
  event.Reset();
  REQUIRE_FALSE(event.is_set());
  outcome.reset();
  group.Spawn(WaitFor(&event, MonotonicTime::max(), &outcome));
  Turn(reactor);
  REQUIRE_FALSE(outcome);
  StopNow(reactor, group);
  REQUIRE(outcome == false);
}

TEST_CASE("An event's wait ends at its deadline", "[event]") {
  Reactor reactor("test");
  TaskGroup group(reactor, "tasks");
  Event event(reactor);
  std::optional<bool> outcome;
  group.Spawn(WaitFor(&event, MonotonicTime(), &outcome));
  Turn(reactor);
  REQUIRE(outcome == false);
}

awaitable<void> TakeBytes(MemoryBudget* budget, Reactor* reactor, int64_t bytes,
                          std::vector<MemoryPermit>* permits) {
  permits->push_back(co_await budget->Acquire(*reactor, ByteCount(bytes)));
}

TEST_CASE("Permits hold their bytes until they go", "[memory_budget]") {
  MemoryBudget budget(ByteCount(100));
  MemoryPermit first = budget.TryAcquire(ByteCount(60));
  REQUIRE(first);
  REQUIRE(budget.used() == ByteCount(60));
  REQUIRE_FALSE(budget.TryAcquire(ByteCount(41)));
  MemoryPermit moved = std::move(first);
  REQUIRE(budget.used() == ByteCount(60));
  moved = budget.TryAcquire(ByteCount(40));
  REQUIRE(budget.used() == ByteCount(40));
  REQUIRE(moved.bytes() == ByteCount(40));
  moved.Release();
  moved.Release();
  REQUIRE(budget.used() == ByteCount(0));
}

TEST_CASE("Who does not fit waits for its turn, and nobody overtakes", "[memory_budget]") {
  Reactor reactor("test");
  TaskGroup group(reactor, "tasks");
  MemoryBudget budget(ByteCount(100));
  MemoryPermit held = budget.TryAcquire(ByteCount(70));
  std::vector<MemoryPermit> permits;
  group.Spawn(TakeBytes(&budget, &reactor, 80, &permits));
  group.Spawn(TakeBytes(&budget, &reactor, 10, &permits));
  Turn(reactor);
  REQUIRE(permits.empty());
  REQUIRE_FALSE(budget.TryAcquire(ByteCount(1)));
  held.Release();
  Turn(reactor);
  REQUIRE(permits.size() == 2);
  REQUIRE(permits[0].bytes() == ByteCount(80));
  REQUIRE(budget.used() == ByteCount(90));
  permits.clear();
  REQUIRE(budget.used() == ByteCount(0));
}

TEST_CASE("More than the capacity is never granted and does not block others", "[memory_budget]") {
  Reactor reactor("test");
  TaskGroup group(reactor, "tasks");
  MemoryBudget budget(ByteCount(100));
  std::vector<MemoryPermit> permits;
  group.Spawn(TakeBytes(&budget, &reactor, 101, &permits));
  Turn(reactor);
  REQUIRE(permits.size() == 1);
  REQUIRE_FALSE(permits[0]);
  REQUIRE(budget.TryAcquire(ByteCount(100)));
}

TEST_CASE("A cancelled waiter leaves the queue and lets the next one in", "[memory_budget]") {
  Reactor reactor("test");
  TaskGroup big(reactor, "big");
  TaskGroup small(reactor, "small");
  MemoryBudget budget(ByteCount(100));
  MemoryPermit held = budget.TryAcquire(ByteCount(70));
  std::vector<MemoryPermit> for_big;
  std::vector<MemoryPermit> for_small;
  big.Spawn(TakeBytes(&budget, &reactor, 80, &for_big));
  small.Spawn(TakeBytes(&budget, &reactor, 10, &for_small));
  Turn(reactor);
  StopNow(reactor, big);
  Turn(reactor);
  REQUIRE(for_big.size() == 1);
  REQUIRE_FALSE(for_big[0]);
  REQUIRE(for_small.size() == 1);
  REQUIRE(budget.used() == ByteCount(80));
}

TEST_CASE("Bytes granted to a waiter that goes away come back", "[memory_budget]") {
  MemoryBudget budget(ByteCount(100));
  std::vector<MemoryPermit> permits;
  {
    Reactor reactor("test");
    MemoryPermit held = budget.TryAcquire(ByteCount(100));
    asio::co_spawn(reactor.executor(), TakeBytes(&budget, &reactor, 50, &permits),
                   [](const std::exception_ptr&) {});
    Turn(reactor);
    held.Release();
    REQUIRE(budget.used() == ByteCount(50));
  }
  REQUIRE(budget.used() == ByteCount(0));
}

TEST_CASE("Waits double up to the longest, each in the upper half, and start anew after success",
          "[backoff]") {
  using std::chrono::milliseconds;
  Backoff backoff(milliseconds(100), milliseconds(1000), Random(1));
  for (const int full : {100, 200, 400, 800, 1000, 1000}) {
    const Duration wait = backoff.Next();
    REQUIRE(wait >= milliseconds(full) / 2);
    REQUIRE(wait <= milliseconds(full));
  }
  REQUIRE(backoff.tries() == 6);
  for (int i = 0; i < 1000; ++i) REQUIRE(backoff.Next() <= milliseconds(1000));
  backoff.Reset();
  REQUIRE(backoff.Next() <= milliseconds(100));
}

TEST_CASE("A crowd that fails together does not come back together", "[backoff]") {
  std::set<Duration> waits;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    waits.insert(Backoff(std::chrono::seconds(1), std::chrono::seconds(8), Random(seed)).Next());
  }
  REQUIRE(waits.size() == 50);
}

}  // namespace
}  // namespace atl::runtime
