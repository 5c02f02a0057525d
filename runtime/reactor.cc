#include "runtime/reactor.h"

#include <pthread.h>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <utility>

#include "base/check.h"
#include "base/clock.h"
#include "base/logging.h"

namespace atl::runtime {
namespace {

constexpr Duration kStall = std::chrono::milliseconds(10);
constexpr Duration kWatchEvery = std::chrono::milliseconds(20);
constexpr Duration kLogStallsEvery = std::chrono::seconds(10);

class RunTasks {
 public:
  explicit RunTasks(std::vector<std::unique_ptr<ReactorTask>> tasks) : tasks_(std::move(tasks)) {}
  void operator()() {
    for (const auto& task : tasks_) task->RunOnReactor();
  }

 private:
  std::vector<std::unique_ptr<ReactorTask>> tasks_;
};

void NameThisThread(const std::string& name) {
  constexpr size_t kMaxName = 15;
  ::pthread_setname_np(::pthread_self(), name.substr(0, kMaxName).c_str());
}

}  // namespace

// A timer that should fire on time; when it is late, a handler has held the thread for that long.
// Stalls shorter than its period may fall between two firings.
class Reactor::StallWatch {
 public:
  explicit StallWatch(Reactor& reactor) : reactor_(reactor), timer_(reactor.context_) {}

  void Arm() {
    timer_.expires_after(kWatchEvery);
    timer_.async_wait([this](const boost::system::error_code& error) {
      if (!error) OnTimer();
    });
  }

 private:
  void OnTimer() {
    const MonotonicTime now = SystemClock().Now();
    const Duration late = now - timer_.expiry();
    if (late > kStall) {
      reactor_.stalls_.fetch_add(1, std::memory_order_relaxed);
      if (throttle_.Allow(now)) {
        LogWarning("runtime", "{} was held for {:.0f} ms by one handler ({} times so far)",
                   reactor_.name_, ToSeconds(late) * 1e3, reactor_.stalls());
      }
    }
    Arm();
  }

  Reactor& reactor_;
  boost::asio::steady_timer timer_;
  LogThrottle throttle_{kLogStallsEvery};
};

Reactor::Reactor(std::string name) : name_(std::move(name)) {}

Reactor::~Reactor() { Stop(); }

void Reactor::Start() {
  CHECK(!started(), "{} is started already", name_);
  work_.emplace(context_.get_executor());
  thread_ = std::thread([this] {
    NameThisThread(name_);
    StallWatch watch(*this);
    watch.Arm();
    context_.run();
  });
}

void Reactor::Stop() {
  if (!started()) return;
  CHECK(!is_current(), "{} can't wait for itself", name_);
  boost::asio::post(context_, [this] { context_.stop(); });
  thread_.join();
  work_.reset();
}

void Reactor::Post(std::vector<std::unique_ptr<ReactorTask>> tasks) {
  boost::asio::post(context_, RunTasks(std::move(tasks)));
}

bool Reactor::is_current() const {
  return const_cast<boost::asio::io_context&>(context_).get_executor().running_in_this_thread();
}

ReactorPool::ReactorPool(int count) {
  CHECK(count > 0, "a pool of {} reactors", count);
  for (int i = 0; i < count; ++i) {
    reactors_.push_back(std::make_unique<Reactor>(fmt::format("reactor-{}", i)));
  }
}

ReactorPool::~ReactorPool() { Stop(); }

void ReactorPool::Start() {
  for (const auto& reactor : reactors_) reactor->Start();
}

void ReactorPool::Stop() {
  for (const auto& reactor : reactors_) reactor->Stop();
}

Reactor& ReactorPool::Next() {
  return *reactors_[next_.fetch_add(1, std::memory_order_relaxed) % reactors_.size()];
}

void ReactorPool::AppendMetrics(std::vector<MetricFamily>& out) const {
  FamilyBuilder stalls("atoll_reactor_stalls_total",
                       "Times a handler held a reactor's thread for more than 10 ms.",
                       prometheus::MetricType::Counter);
  for (const auto& reactor : reactors_) {
    stalls.Add({{"reactor", reactor->name()}}, static_cast<double>(reactor->stalls()));
  }
  std::move(stalls).AppendTo(out);
}

}  // namespace atl::runtime
