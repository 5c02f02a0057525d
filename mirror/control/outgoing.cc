#include "mirror/control/outgoing.h"

#include <utility>
#include <vector>

namespace atl::mirror {

class Outgoing::TellTask final : public runtime::ReactorTask {
 public:
  TellTask(std::weak_ptr<OutgoingOwner> owner, Told what) : owner_(std::move(owner)), what_(what) {}
  void RunOnReactor() override {
    const auto owner = owner_.lock();
    if (owner == nullptr) return;
    if (what_ == Told::kQueued) return owner->OnQueued();
    owner->OnOverrun();
  }

 private:
  const std::weak_ptr<OutgoingOwner> owner_;
  const Told what_;
};

Outgoing::State Outgoing::Add(std::string frame, bool& first) {
  MutexLock lock(&mutex_);
  if (finished_) return State::kFinished;
  if (frames_.size() >= kMaxFrames || bytes_ + frame.size() > kMaxBytes) {
    finished_ = true;
    frames_.clear();
    bytes_ = 0;
    return State::kOverrun;
  }
  first = frames_.empty();
  bytes_ += frame.size();
  frames_.push_back(std::move(frame));
  return State::kOpen;
}

bool Outgoing::Push(std::string frame) {
  bool first = false;
  const State state = Add(std::move(frame), first);
  if (state == State::kFinished) return false;
  if (state == State::kOpen && !first) return true;  // The writer takes it with the others.
  const Told what = state == State::kOpen ? Told::kQueued : Told::kOverrun;
  std::vector<std::unique_ptr<runtime::ReactorTask>> tasks;
  tasks.push_back(std::make_unique<TellTask>(owner_, what));
  reactor_.Post(std::move(tasks));
  return state == State::kOpen;
}

std::optional<std::string> Outgoing::Take() {
  MutexLock lock(&mutex_);
  if (frames_.empty()) return std::nullopt;
  std::string frame = std::move(frames_.front());
  frames_.pop_front();
  bytes_ -= frame.size();
  return frame;
}

void Outgoing::Finish(std::optional<std::string> last) {
  MutexLock lock(&mutex_);
  finished_ = true;
  frames_.clear();
  bytes_ = 0;
  if (!last) return;
  bytes_ = last->size();
  frames_.push_back(*std::move(last));
}

bool Outgoing::OpenRequest() {
  MutexLock lock(&mutex_);
  if (open_requests_ >= kMaxOpenRequests) return false;
  ++open_requests_;
  return true;
}

void Outgoing::CloseRequest() {
  MutexLock lock(&mutex_);
  --open_requests_;
}

}  // namespace atl::mirror
