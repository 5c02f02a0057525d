#include "atoll/ticker.h"

#include "base/logging.h"
#include "runtime/timer.h"

namespace atl {
namespace {

constexpr Duration kFlushEvery = std::chrono::milliseconds(20);
constexpr int kFlushesPerTick = 50;
constexpr int kFlushesPerGroupTick = 5;

// One round, waited for by the ticker's coroutine.
class TickJob final : public runtime::ShardJob {
 public:
  // `whole`: not only the store.
  TickJob(const Ticker::Room& room, bool whole, std::shared_ptr<runtime::Event> done)
      : room_(room), whole_(whole), done_(std::move(done)) {}

  void Run(runtime::ShardTurn&) override {
    Status store = room_.store.Flush();
    if (!store.ok()) {
      LogError("atoll", "the store can't be synced, reopening it: {}", StatusMessage(store));
      store = room_.store.Reopen();
      if (!store.ok()) LogError("atoll", "the store stays closed: {}", StatusMessage(store));
    }
    if (!whole_) return;
    room_.catalog.Tick();
    room_.quarantine.LookAgain();
    room_.readiness.Look(store);
  }
  void Complete() override { done_->Set(); }
  runtime::Reactor* home() const override { return &room_.reactor; }

 private:
  const Ticker::Room room_;
  const bool whole_;
  const std::shared_ptr<runtime::Event> done_;
};

class StartTicker final : public runtime::ReactorTask {
 public:
  StartTicker(runtime::TaskGroup& tasks, boost::asio::awaitable<void> run)
      : tasks_(tasks), run_(std::move(run)) {}
  void RunOnReactor() override { tasks_.Spawn(std::move(run_)); }

 private:
  runtime::TaskGroup& tasks_;
  boost::asio::awaitable<void> run_;
};

}  // namespace

Ticker::Ticker(const Room& room) : room_(room), tasks_(room.reactor, "ticker") {}

void Ticker::Start() {
  std::vector<std::unique_ptr<runtime::ReactorTask>> start;
  start.push_back(std::make_unique<StartTicker>(tasks_, Run()));
  room_.reactor.Post(std::move(start));
}

void Ticker::Stop() { tasks_.StopFromOutside(); }

boost::asio::awaitable<void> Ticker::Run() {
  for (int round = 1;; ++round) {
    const bool slept = co_await runtime::Sleep(kFlushEvery);
    if (!slept) co_return;
    if (round % kFlushesPerGroupTick == 0) room_.groups.Tick();
    const auto done = std::make_shared<runtime::Event>(room_.reactor);
    const bool whole = round % kFlushesPerTick == 0;
    if (whole) room_.readiness.AskShards();
    room_.blocking.Post(0, std::make_unique<TickJob>(room_, whole, done));
    const bool finished = co_await done->Wait();
    if (!finished) co_return;
  }
}

}  // namespace atl
