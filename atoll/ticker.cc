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
  TickJob(checkpoint::Store& store, broker::Catalog* catalog, runtime::Reactor& reactor,
          std::shared_ptr<runtime::Event> done)
      : store_(store), catalog_(catalog), reactor_(reactor), done_(std::move(done)) {}

  void Run(runtime::ShardTurn&) override {
    const Status flushed = store_.Flush();
    if (!flushed.ok()) {
      LogError("atoll", "the store can't be synced, reopening it: {}", StatusMessage(flushed));
      const Status reopened = store_.Reopen();
      if (!reopened.ok()) LogError("atoll", "the store stays closed: {}", StatusMessage(reopened));
    }
    if (catalog_ != nullptr) catalog_->Tick();
  }
  void Complete() override { done_->Set(); }
  runtime::Reactor* home() const override { return &reactor_; }

 private:
  checkpoint::Store& store_;
  broker::Catalog* const catalog_;  // Null: only the store.
  runtime::Reactor& reactor_;
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

Ticker::Ticker(runtime::Reactor& reactor, runtime::StorageShards& blocking,
               checkpoint::Store& store, broker::Catalog& catalog, broker::Coordinator& groups)
    : reactor_(reactor),
      blocking_(blocking),
      store_(store),
      catalog_(catalog),
      groups_(groups),
      tasks_(reactor, "ticker") {}

void Ticker::Start() {
  std::vector<std::unique_ptr<runtime::ReactorTask>> start;
  start.push_back(std::make_unique<StartTicker>(tasks_, Run()));
  reactor_.Post(std::move(start));
}

void Ticker::Stop() { tasks_.StopFromOutside(); }

boost::asio::awaitable<void> Ticker::Run() {
  for (int round = 1;; ++round) {
    const bool slept = co_await runtime::Sleep(kFlushEvery);
    if (!slept) co_return;
    if (round % kFlushesPerGroupTick == 0) groups_.Tick();
    const auto done = std::make_shared<runtime::Event>(reactor_);
    broker::Catalog* const catalog = round % kFlushesPerTick == 0 ? &catalog_ : nullptr;
    blocking_.Post(0, std::make_unique<TickJob>(store_, catalog, reactor_, done));
    const bool finished = co_await done->Wait();
    if (!finished) co_return;
  }
}

}  // namespace atl
