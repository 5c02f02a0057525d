// The broker's counters, looked up once: per API the requests by error and the time in each phase,
// and what connections do. Thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "core-broker/server/handlers/exchange.h"

namespace atl::broker {

// Why a connection ended; the label of atoll_broker_connections_closed_total.
enum class CloseReason {
  kClient,
  kIdle,
  kFrameTimeout,
  kSendTimeout,
  kFrameTooLarge,
  kBadFrame,
  kBadRequest,
  kUnsupportedApi,
  kRequestFailed,
  kSendFailed,
  kTooMany,
  kShutdown,
};
inline constexpr size_t kCloseReasons = 12;

class RequestMetrics {
 public:
  static constexpr size_t kKeys = 64;  // API keys are below it.

  explicit RequestMetrics(Metrics& metrics);

  // After the last byte of the answer has left, or would have.
  void Observe(const Exchange& exchange, MonotonicTime sent);
  void Closed(CloseReason reason) { closed_[static_cast<size_t>(reason)]->Increment(); }
  Gauge& connections() { return connections_; }
  Counter& received_bytes() { return received_bytes_; }
  Counter& sent_bytes() { return sent_bytes_; }

 private:
  static constexpr size_t kErrors = 128;  // -1 to 126; others share the last place.
  struct PerApi {
    std::string name;
    std::array<std::atomic<Counter*>, kErrors> by_error{};  // Made when first seen.
    Histogram* queue = nullptr;                             // Frame complete -> handler.
    Histogram* local = nullptr;                             // In the handler.
    Histogram* remote = nullptr;  // Waiting for a shard, a sync or progress.
    Histogram* send = nullptr;    // Answer ready -> last byte given to the kernel.
  };
  Counter& CounterFor(PerApi& api, kafka::ErrorCode error);

  Metrics& metrics_;
  std::vector<std::unique_ptr<PerApi>> apis_;
  std::array<PerApi*, kKeys> by_key_{};
  std::array<Counter*, kCloseReasons> closed_{};
  Gauge& connections_;
  Counter& received_bytes_;
  Counter& sent_bytes_;
};

}  // namespace atl::broker
