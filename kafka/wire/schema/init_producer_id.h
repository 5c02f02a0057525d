// InitProducerId (key 22): an id and an epoch for an idempotent or transactional producer (KIP-98,
// KIP-360).
#pragma once

#include "kafka/wire/error_code.h"
#include "kafka/wire/wire_type.h"

namespace atl::kafka {

struct InitProducerIdResponse;

struct InitProducerIdRequest {
  using Response = InitProducerIdResponse;
  static constexpr std::string_view kName = "InitProducerId";
  static constexpr int16_t kApiKey = 22;
  static constexpr int16_t kMinVersion = 0;
  static constexpr int16_t kMaxVersion = 4;
  static constexpr int16_t kFlexibleFrom = 2;

  std::optional<std::string> transactional_id;
  int32_t transaction_timeout_ms = 0;
  ProducerId producer_id = kNoProducer;
  ProducerEpoch producer_epoch = kNoProducerEpoch;

  static void Describe(auto& c, auto& m) {
    c.Field("transactional_id", m.transactional_id);
    c.Field("transaction_timeout_ms", m.transaction_timeout_ms);
    c.Field("producer_id", m.producer_id, since(3));
    c.Field("producer_epoch", m.producer_epoch, since(3));
  }
};

struct InitProducerIdResponse {
  using Request = InitProducerIdRequest;

  int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::kNone;
  ProducerId producer_id = kNoProducer;
  ProducerEpoch producer_epoch;

  static void Describe(auto& c, auto& m) {
    c.Field("throttle_time_ms", m.throttle_time_ms);
    c.Field("error_code", m.error_code);
    c.Field("producer_id", m.producer_id);
    c.Field("producer_epoch", m.producer_epoch);
  }
};

}  // namespace atl::kafka
