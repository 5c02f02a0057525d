#include "core-broker/server/handlers/fetch_signal.h"

#include <utility>

namespace atl::broker {

class FetchSignal::Wake final : public runtime::ReactorTask {
 public:
  explicit Wake(std::shared_ptr<FetchSignal> signal) : signal_(std::move(signal)) {}
  void RunOnReactor() override {
    // Gone when the deadline came first.
    FetchWaiter* const waiter = std::exchange(signal_->waiter_, nullptr);
    if (waiter != nullptr) waiter->OnProgress();
  }

 private:
  const std::shared_ptr<FetchSignal> signal_;
};

void FetchSignal::OnProgress(uint64_t token) noexcept {
  {
    MutexLock lock(&mutex_);
    const auto at = static_cast<size_t>(token);
    if (at >= is_dirty_.size()) is_dirty_.resize(at + 1);
    if (!is_dirty_[at]) {
      is_dirty_[at] = true;
      dirty_.push_back(static_cast<uint32_t>(token));
    }
    if (!std::exchange(armed_, false)) return;
  }
  std::vector<std::unique_ptr<runtime::ReactorTask>> wake;
  wake.push_back(std::make_unique<Wake>(shared_from_this()));
  home_.Post(std::move(wake));
}

void FetchSignal::TakeDirty(std::vector<uint32_t>& tokens) {
  MutexLock lock(&mutex_);
  for (const uint32_t token : dirty_) is_dirty_[token] = false;
  tokens.insert(tokens.end(), dirty_.begin(), dirty_.end());
  dirty_.clear();
}

bool FetchSignal::Arm(FetchWaiter& waiter) {
  MutexLock lock(&mutex_);
  if (!dirty_.empty()) return false;
  armed_ = true;
  waiter_ = &waiter;
  return true;
}

void FetchSignal::Disarm(const FetchWaiter& waiter) {
  if (waiter_ != nullptr && waiter_ != &waiter) return;
  waiter_ = nullptr;
  MutexLock lock(&mutex_);
  armed_ = false;
}

}  // namespace atl::broker
