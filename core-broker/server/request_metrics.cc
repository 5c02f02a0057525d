#include "core-broker/server/request_metrics.h"

#include <algorithm>

#include "core-broker/server/dispatch.h"

namespace atl::broker {
namespace {

constexpr std::array<const char*, kCloseReasons> kReasonNames = {
    "client",          "idle",        "frame_timeout", "send_timeout",
    "frame_too_large", "bad_frame",   "bad_request",   "unsupported_api",
    "request_failed",  "send_failed", "too_many",      "shutdown"};

static_assert(static_cast<size_t>(Apis::kRows.back().key) < RequestMetrics::kKeys);

}  // namespace

RequestMetrics::RequestMetrics(Metrics& metrics)
    : metrics_(metrics),
      connections_(metrics.GetGauge("atoll_broker_connections", "Open client connections.",
                                    {{"listener", "kafka"}, {"protocol", "plaintext"}})),
      received_bytes_(metrics.GetCounter("atoll_broker_received_bytes_total",
                                         "Bytes of request frames.", {{"listener", "kafka"}})),
      sent_bytes_(metrics.GetCounter("atoll_broker_sent_bytes_total", "Bytes of response frames.",
                                     {{"listener", "kafka"}})) {
  for (const kafka::ApiRow& row : Apis::kRows) {
    apis_.push_back(std::make_unique<PerApi>());
    PerApi& api = *apis_.back();
    api.name = std::string(row.name);
    by_key_[static_cast<size_t>(row.key)] = &api;
    const auto histogram = [&](const char* phase) {
      return &metrics.GetHistogram("atoll_broker_request_duration_seconds",
                                   "Time of requests by phase.",
                                   {{"api", api.name}, {"phase", phase}});
    };
    api.queue = histogram("queue");
    api.local = histogram("local");
    api.remote = histogram("remote");
    api.send = histogram("send");
  }
  for (size_t i = 0; i < kCloseReasons; ++i) {
    closed_[i] =
        &metrics.GetCounter("atoll_broker_connections_closed_total",
                            "Connections that ended, by reason.", {{"reason", kReasonNames[i]}});
  }
}

Counter& RequestMetrics::CounterFor(PerApi& api, kafka::ErrorCode error) {
  const auto place = static_cast<size_t>(static_cast<int16_t>(error) + 1);
  std::atomic<Counter*>& slot = api.by_error[std::min(place, kErrors - 1)];
  Counter* counter = slot.load(std::memory_order_acquire);
  if (counter != nullptr) return *counter;
  counter = &metrics_.GetCounter("atoll_broker_requests_total", "Requests answered, by error.",
                                 {{"api", api.name}, {"error", std::string(ErrorName(error))}});
  slot.store(counter, std::memory_order_release);  // Another thread stores the same one.
  return *counter;
}

void RequestMetrics::Observe(const Exchange& exchange, MonotonicTime sent) {
  const auto key = static_cast<size_t>(exchange.header().api_key);
  PerApi* const api = key < by_key_.size() ? by_key_[key] : nullptr;
  if (api == nullptr) return;
  CounterFor(*api, exchange.error()).Increment();
  // A handler that answers at once has no `returned` yet when its answer leaves.
  const MonotonicTime local_end = exchange.returned == MonotonicTime{}
                                      ? exchange.answered
                                      : std::min(exchange.returned, exchange.answered);
  api->queue->Observe(ToSeconds(exchange.started - exchange.received()));
  api->local->Observe(ToSeconds(local_end - exchange.started));
  api->remote->Observe(ToSeconds(exchange.answered - local_end));
  api->send->Observe(ToSeconds(sent - exchange.answered));
}

}  // namespace atl::broker
