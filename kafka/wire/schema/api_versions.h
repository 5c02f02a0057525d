// ApiVersions (key 18): which requests and versions this broker serves (KIP-35, KIP-511, KIP-584).
#pragma once

#include "kafka/wire/error_code.h"
#include "kafka/wire/wire_type.h"

namespace atl::kafka {

struct ApiVersionsResponse;

struct ApiVersionsRequest {
  using Response = ApiVersionsResponse;
  static constexpr std::string_view kName = "ApiVersions";
  static constexpr int16_t kApiKey = 18;
  static constexpr int16_t kMinVersion = 0;
  static constexpr int16_t kMaxVersion = 4;
  static constexpr int16_t kFlexibleFrom = 3;

  std::string client_software_name;
  std::string client_software_version;

  static void Describe(auto& c, auto& m) {
    c.Field("client_software_name", m.client_software_name, since(3));
    c.Field("client_software_version", m.client_software_version, since(3));
  }
};

struct ApiVersion {
  int16_t api_key = 0;
  int16_t min_version = 0;
  int16_t max_version = 0;

  static void Describe(auto& c, auto& m) {
    c.Field("api_key", m.api_key);
    c.Field("min_version", m.min_version);
    c.Field("max_version", m.max_version);
  }
};

struct SupportedFeatureKey {
  std::string name;
  int16_t min_version = 0;
  int16_t max_version = 0;

  static void Describe(auto& c, auto& m) {
    c.Field("name", m.name, since(3));
    c.Field("min_version", m.min_version, since(3));
    c.Field("max_version", m.max_version, since(3));
  }
};

struct FinalizedFeatureKey {
  std::string name;
  int16_t max_version_level = 0;
  int16_t min_version_level = 0;

  static void Describe(auto& c, auto& m) {
    c.Field("name", m.name, since(3));
    c.Field("max_version_level", m.max_version_level, since(3));
    c.Field("min_version_level", m.min_version_level, since(3));
  }
};

struct ApiVersionsResponse {
  using Request = ApiVersionsRequest;

  ErrorCode error_code = ErrorCode::kNone;
  std::vector<ApiVersion> api_keys;
  int32_t throttle_time_ms = 0;
  // A feature with min_version 0 may only be in v4 and above (KAFKA-17011).
  std::vector<SupportedFeatureKey> supported_features;
  int64_t finalized_features_epoch = -1;
  std::vector<FinalizedFeatureKey> finalized_features;
  bool zk_migration_ready = false;

  static void Describe(auto& c, auto& m) {
    c.Field("error_code", m.error_code);
    c.Field("api_keys", m.api_keys);
    c.Field("throttle_time_ms", m.throttle_time_ms, since(1));
    c.Tagged(0, "supported_features", m.supported_features, since(3));
    c.Tagged(1, "finalized_features_epoch", m.finalized_features_epoch, since(3), int64_t{-1});
    c.Tagged(2, "finalized_features", m.finalized_features, since(3));
    c.Tagged(3, "zk_migration_ready", m.zk_migration_ready, since(3));
  }
};

}  // namespace atl::kafka
