#include "runtime/memory_budget.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "runtime/memory_place.h"

namespace atl::runtime {

namespace asio = boost::asio;

// One coroutine in the queue. `granted` is guarded by the budget's lock; the timer belongs to the
// reactor's thread.
struct MemoryBudget::Waiter {
  Waiter(Reactor& home, ByteCount wanted)
      : reactor(home), bytes(wanted), timer(home.context(), MonotonicTime::max()) {}

  Reactor& reactor;
  const ByteCount bytes;
  asio::steady_timer timer;
  bool granted = false;
};

class MemoryBudget::Wake final : public ReactorTask {
 public:
  explicit Wake(std::shared_ptr<Waiter> waiter) : waiter_(std::move(waiter)) {}
  void RunOnReactor() override { waiter_->timer.cancel(); }

 private:
  const std::shared_ptr<Waiter> waiter_;
};

MemoryBudget::Place::Place(MemoryBudget& budget, Reactor& reactor, ByteCount bytes)
    : budget_(budget), waiter_(std::make_shared<Waiter>(reactor, bytes)) {
  {
    MutexLock lock(&budget_.mutex_);
    budget_.waiters_.push_back(waiter_);
  }
  // The bytes may have come back since they were found missing. The wake-up comes after the wait
  // has begun, because it runs on the thread that is here now.
  budget_.GrantWaiting();
}

MemoryBudget::Place::~Place() { Take().Release(); }

asio::steady_timer& MemoryBudget::Place::timer() { return waiter_->timer; }

MemoryPermit MemoryBudget::Place::Take() {
  bool granted = false;
  {
    MutexLock lock(&budget_.mutex_);
    granted = std::exchange(waiter_->granted, false);
    std::erase(budget_.waiters_, waiter_);
  }
  budget_.GrantWaiting();  // Who stood behind may fit now.
  return granted ? MemoryPermit(budget_, waiter_->bytes) : MemoryPermit();
}

MemoryPermit& MemoryPermit::operator=(MemoryPermit&& other) noexcept {
  if (this == &other) return *this;
  Release();
  budget_ = std::exchange(other.budget_, nullptr);
  bytes_ = std::exchange(other.bytes_, ByteCount(0));
  return *this;
}

void MemoryPermit::Release() {
  if (budget_ == nullptr) return;
  std::exchange(budget_, nullptr)->Give(std::exchange(bytes_, ByteCount(0)));
}

MemoryPermit MemoryBudget::TryAcquire(ByteCount bytes) {
  MutexLock lock(&mutex_);
  // Nobody overtakes the queue: a big frame would wait for ever behind small ones.
  if (!waiters_.empty() || bytes > capacity_ - used_) return MemoryPermit();
  used_ += bytes;
  return MemoryPermit(*this, bytes);
}

ByteCount MemoryBudget::used() const {
  MutexLock lock(&mutex_);
  return used_;
}

void MemoryBudget::Give(ByteCount bytes) {
  {
    MutexLock lock(&mutex_);
    used_ -= bytes;
  }
  GrantWaiting();
}

void MemoryBudget::GrantWaiting() {
  std::vector<std::shared_ptr<Waiter>> granted;
  {
    MutexLock lock(&mutex_);
    while (!waiters_.empty() && waiters_.front()->bytes <= capacity_ - used_) {
      used_ += waiters_.front()->bytes;
      waiters_.front()->granted = true;
      granted.push_back(std::move(waiters_.front()));
      waiters_.pop_front();
    }
  }
  for (std::shared_ptr<Waiter>& waiter : granted) {
    Reactor& reactor = waiter->reactor;
    std::vector<std::unique_ptr<ReactorTask>> tasks;
    tasks.push_back(std::make_unique<Wake>(std::move(waiter)));
    reactor.Post(std::move(tasks));
  }
}

}  // namespace atl::runtime
