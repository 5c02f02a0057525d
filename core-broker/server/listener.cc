#include "core-broker/server/listener.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include <utility>

#include "base/logging.h"
#include "core-broker/admin/acceptor.h"
#include "runtime/timer.h"

namespace atl::broker {
namespace {

using runtime::awaitable;
using runtime::kToken;

constexpr Duration kWatchEvery = std::chrono::seconds(1);
constexpr Duration kAcceptPause = std::chrono::milliseconds(100);
constexpr Duration kDrainLook = std::chrono::milliseconds(5);

}  // namespace

class Listener::StartTask final : public runtime::ReactorTask {
 public:
  StartTask(Listener& listener, Lane& lane) : listener_(listener), lane_(lane) {}
  void RunOnReactor() override {
    lane_.tasks.Spawn(Watch(&lane_));
    if (&lane_ == listener_.lanes_.front().get()) listener_.accepting_.Spawn(listener_.Accept());
  }

 private:
  Listener& listener_;
  Lane& lane_;
};

class Listener::AdoptTask final : public runtime::ReactorTask {
 public:
  AdoptTask(Lane& lane, runtime::tcp::socket socket) : lane_(lane), socket_(std::move(socket)) {}
  void RunOnReactor() override { std::make_shared<Connection>(lane_, std::move(socket_))->Start(); }

 private:
  Lane& lane_;
  runtime::tcp::socket socket_;
};

namespace {

template <class Task, class... Args>
void PostTask(runtime::Reactor& reactor, Args&&... args) {
  std::vector<std::unique_ptr<runtime::ReactorTask>> tasks;
  tasks.push_back(std::make_unique<Task>(std::forward<Args>(args)...));
  reactor.Post(std::move(tasks));
}

}  // namespace

Listener::Listener(Broker& broker, runtime::ReactorPool& reactors)
    : context_{.broker = broker,
               .metrics = RequestMetrics(broker.metrics),
               .memory = std::make_shared<FrameMemory>(broker.config.frame_memory)},
      reactors_(reactors),
      accepting_(reactors.at(0), "kafka listener"),
      acceptor_(reactors.at(0).context()) {
  for (int i = 0; i < reactors.size(); ++i) {
    lanes_.push_back(std::make_unique<Lane>(context_, reactors.at(i)));
  }
}

Listener::~Listener() { Stop(); }

Status Listener::Open(const std::string& host, int port) {
  return OpenAcceptor(acceptor_, host, port);
}

int Listener::port() const { return acceptor_.local_endpoint().port(); }

void Listener::Start() {
  started_ = true;
  open_ = true;
  for (const auto& lane : lanes_) PostTask<StartTask>(lane->reactor, *this, *lane);
}

bool Listener::Drain(Duration patience) {
  if (!started_) return true;
  open_ = false;
  accepting_.StopFromOutside();
  runtime::ErrorCode ignored;
  acceptor_.close(ignored);  // Who comes now is refused and tries elsewhere.
  const MonotonicTime now = context_.broker.clock.Now();
  bool drained = true;
  // All lanes are told first: each may then take all of the time.
  for (const MonotonicTime deadline : {now, now + patience}) {
    drained = true;
    for (const auto& lane : lanes_) {
      drained &= runtime::asio::co_spawn(lane->reactor.executor(), DrainLane(lane.get(), deadline),
                                         runtime::asio::use_future)
                     .get();
    }
  }
  return drained;
}

void Listener::Stop() {
  if (!std::exchange(started_, false)) return;
  open_ = false;
  accepting_.StopFromOutside();
  for (const auto& lane : lanes_) lane->tasks.StopFromOutside();
}

awaitable<void> Listener::Accept() {
  for (size_t next = 0;; ++next) {
    Lane& lane = *lanes_[next % lanes_.size()];
    auto accepted = co_await acceptor_.async_accept(lane.reactor.context(), kToken);
    auto& [error, socket] = accepted;
    if (accepting_.stopping()) co_return;
    if (error) {
      // Out of descriptors, as a rule: those who wait can go on waiting.
      LogWarning("core-broker", "accept: {}", error.message());
      (void)co_await runtime::Sleep(kAcceptPause);
      continue;
    }
    if (context_.open_connections.load() >= context_.broker.config.max_connections) {
      context_.metrics.Closed(CloseReason::kTooMany);
      continue;  // Closes the socket.
    }
    context_.open_connections.fetch_add(1, std::memory_order_relaxed);
    PostTask<AdoptTask>(lane.reactor, lane, std::move(socket));
  }
}

awaitable<void> Listener::Watch(Lane* lane) {
  while (true) {
    const bool slept = co_await runtime::Sleep(kWatchEvery);
    if (!slept) co_return;
    lane->CloseExpired(lane->context.broker.clock.Now());
  }
}

awaitable<bool> Listener::DrainLane(Lane* lane, MonotonicTime deadline) {
  while (!lane->Drain()) {
    if (lane->context.broker.clock.Now() >= deadline) co_return false;
    (void)co_await runtime::Sleep(kDrainLook);
  }
  co_return true;
}

}  // namespace atl::broker
