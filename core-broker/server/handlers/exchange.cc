#include "core-broker/server/handlers/exchange.h"

#include "base/check.h"

namespace atl::broker {

void Exchange::Break(std::string reason, kafka::ErrorCode error) {
  break_reason_ = std::move(reason);
  error_ = error;
  Finish(Answer::kBreak);
}

void Exchange::Park(std::unique_ptr<Parked> parked, MonotonicTime deadline) {
  CHECK(answer_ == Answer::kPending, "an answered request can't wait");
  parked_ = std::move(parked);
  deadline_ = deadline;
}

void Exchange::Detach() {
  listener_ = nullptr;
  parked_.reset();
}

void Exchange::Finish(Answer answer) {
  CHECK(answer_ == Answer::kPending, "API {} was answered twice", header().api_key);
  answer_ = answer;
  answered = broker().clock.Now();
  // A response refers to files and owned bytes only, so the frame can serve the next request.
  request_.header.client_id.reset();
  request_.body = {};
  request_.frame.Release();
  if (listener_ != nullptr) listener_->OnAnswer(*this);
}

}  // namespace atl::broker
