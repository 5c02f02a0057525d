#include "core-broker/server/handlers/fetch.h"

#include <algorithm>
#include <utility>

#include "core-broker/server/handlers/fetch_session.h"

namespace atl::broker {
namespace {

using kafka::ErrorCode;

// One Fetch request: tried at once, and again whenever something moved.
class FetchCall final : public Parked, public FetchWaiter {
 public:
  FetchCall(Exchange& exchange, OpenedFetch opened, const FetchLimits& limits, ByteCount min_bytes)
      : exchange_(exchange), opened_(std::move(opened)), limits_(limits), min_bytes_(min_bytes) {}
  ~FetchCall() override { opened_.set->signal().Disarm(*this); }

  // Answers if there is enough to say; `last` answers whatever there is.
  bool Try(bool last);
  void Listen() { opened_.set->Listen(); }

  void OnProgress() override;
  void OnDeadline() override { Try(true); }

 private:
  Exchange& exchange_;  // Owns this one once it is parked.
  const OpenedFetch opened_;
  const FetchLimits limits_;
  const ByteCount min_bytes_;
};

bool FetchCall::Try(bool last) {
  FetchReading reading = opened_.set->Read(limits_);
  if (!last && !reading.answers_at_once && reading.bytes < min_bytes_) return false;
  kafka::FetchResponse response;
  response.session_id = opened_.session_id;
  response.responses = opened_.set->Commit(std::move(reading));
  exchange_.Reply(response);
  return true;
}

void FetchCall::OnProgress() {
  // The answer may be the end of the exchange, and so of this.
  const ExchangePtr keep = exchange_.shared_from_this();
  while (!Try(false)) {
    // False when something moved since the look.
    if (opened_.set->signal().Arm(*this)) return;
  }
}

}  // namespace

void HandleFetch(ExchangePtr exchange, kafka::FetchRequest request) {
  const BrokerConfig& config = exchange->broker().config;
  OpenedFetch opened = exchange->fetch_sessions().Open(request, exchange->version());
  if (opened.error != ErrorCode::kNone) {
    kafka::FetchResponse refused;
    refused.error_code = opened.error;
    return exchange->Reply(refused);
  }
  FetchLimits limits;
  limits.max_bytes = std::clamp(ByteCount(request.max_bytes), ByteCount(0), config.max_fetch_bytes);
  limits.isolation = request.isolation_level == kafka::IsolationLevel::kReadCommitted
                         ? Isolation::kReadCommitted
                         : Isolation::kReadUncommitted;
  limits.full = opened.full;
  // More than a response can hold would never come.
  const ByteCount min_bytes =
      std::clamp(ByteCount(request.min_bytes), ByteCount(0), limits.max_bytes);
  const Duration max_wait =
      std::min<Duration>(std::chrono::milliseconds(request.max_wait_ms), config.max_fetch_wait);
  // Nothing that could move: only a full fetch may say so at once, or an idle session would spin.
  const bool nothing_to_wait_for = opened.full && opened.set->size() == 0;

  auto call = std::make_unique<FetchCall>(*exchange, std::move(opened), limits, min_bytes);
  if (call->Try(max_wait <= Duration(0) || nothing_to_wait_for)) return;
  // Listening starts before the next look, so that nothing falls between the two.
  call->Listen();
  FetchCall& waiting = *call;
  exchange->Park(std::move(call), exchange->broker().clock.Now() + max_wait);
  waiting.OnProgress();
}

}  // namespace atl::broker
