#include "mirror/control/calls.h"

#include <utility>

#include "base/check.h"

namespace atl::mirror {
namespace {

Status Stopped() { return Unavailable("the control plane is stopping"); }

}  // namespace

uint64_t Calls::Begin(uint64_t session, MonotonicTime deadline) {
  MutexLock lock(&mutex_);
  Call& call = calls_[++last_];
  call.session = session;
  call.deadline = deadline;
  if (stopped_) call.answer = Stopped();
  return last_;
}

void Calls::Drop(uint64_t number) {
  MutexLock lock(&mutex_);
  calls_.erase(number);
}

StatusOr<ControlAnswer> Calls::Await(uint64_t number) {
  MutexLock lock(&mutex_);
  const auto call = calls_.find(number);
  CHECK(call != calls_.end(), "call {} is not open", number);
  while (!call->second.answer.has_value()) completed_.Wait(&mutex_);
  StatusOr<ControlAnswer> answer = *std::move(call->second.answer);
  calls_.erase(call);
  return answer;
}

bool Calls::Complete(uint64_t session, uint64_t number, StatusOr<ControlAnswer> answer) {
  MutexLock lock(&mutex_);
  const auto call = calls_.find(number);
  const bool open =
      call != calls_.end() && call->second.session == session && !call->second.answer.has_value();
  if (!open) return false;
  call->second.answer = std::move(answer);
  completed_.SignalAll();
  return true;
}

void Calls::FailSession(uint64_t session, const Status& status) {
  MutexLock lock(&mutex_);
  for (auto& [number, call] : calls_) {
    if (call.session == session && !call.answer.has_value()) call.answer = status;
  }
  completed_.SignalAll();
}

void Calls::Expire(MonotonicTime now) {
  MutexLock lock(&mutex_);
  bool any = false;
  for (auto& [number, call] : calls_) {
    if (call.answer.has_value() || now < call.deadline) continue;
    call.answer = DeadlineExceeded("no answer in time");
    any = true;
  }
  if (any) completed_.SignalAll();
}

void Calls::Stop() {
  MutexLock lock(&mutex_);
  stopped_ = true;
  for (auto& [number, call] : calls_) {
    if (!call.answer.has_value()) call.answer = Stopped();
  }
  completed_.SignalAll();
}

}  // namespace atl::mirror
