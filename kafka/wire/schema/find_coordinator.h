// FindCoordinator (key 10): which broker coordinates a group or a transactional id; v4 asks for
// many (KIP-699).
#pragma once

#include "kafka/wire/error_code.h"
#include "kafka/wire/schema/common.h"
#include "kafka/wire/wire_type.h"

namespace atl::kafka {

struct FindCoordinatorResponse;

struct FindCoordinatorRequest {
  using Response = FindCoordinatorResponse;
  static constexpr std::string_view kName = "FindCoordinator";
  static constexpr int16_t kApiKey = 10;
  static constexpr int16_t kMinVersion = 0;
  static constexpr int16_t kMaxVersion = 4;
  static constexpr int16_t kFlexibleFrom = 3;

  std::string key;
  CoordinatorType key_type = CoordinatorType::kGroup;
  std::vector<std::string> coordinator_keys;

  static void Describe(auto& c, auto& m) {
    c.Field("key", m.key, until(3));
    c.Field("key_type", m.key_type, since(1));
    c.Field("coordinator_keys", m.coordinator_keys, since(4));
  }
};

struct Coordinator {
  std::string key;
  NodeId node_id;
  std::string host;
  int32_t port = 0;
  ErrorCode error_code = ErrorCode::kNone;
  std::optional<std::string> error_message;

  static void Describe(auto& c, auto& m) {
    c.Field("key", m.key, since(4));
    c.Field("node_id", m.node_id, since(4));
    c.Field("host", m.host, since(4));
    c.Field("port", m.port, since(4));
    c.Field("error_code", m.error_code, since(4));
    c.Field("error_message", m.error_message, since(4));
  }
};

struct FindCoordinatorResponse {
  using Request = FindCoordinatorRequest;

  int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::kNone;
  std::optional<std::string> error_message;
  NodeId node_id;
  std::string host;
  int32_t port = 0;
  std::vector<Coordinator> coordinators;

  static void Describe(auto& c, auto& m) {
    c.Field("throttle_time_ms", m.throttle_time_ms, since(1));
    c.Field("error_code", m.error_code, until(3));
    c.Field("error_message", m.error_message, since(1).until(3));
    c.Field("node_id", m.node_id, until(3));
    c.Field("host", m.host, until(3));
    c.Field("port", m.port, until(3));
    c.Field("coordinators", m.coordinators, since(4));
  }
};

}  // namespace atl::kafka
