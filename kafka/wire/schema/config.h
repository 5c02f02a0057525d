// DescribeConfigs (32), AlterConfigs (33: a full replace) and IncrementalAlterConfigs (44).
#pragma once

#include "kafka/wire/error_code.h"
#include "kafka/wire/schema/common.h"
#include "kafka/wire/wire_type.h"

namespace atl::kafka {

struct DescribeConfigsResponse;

struct DescribeConfigsResource {
  ConfigResourceType resource_type = ConfigResourceType::kUnknown;
  std::string resource_name;
  std::optional<std::vector<std::string>> configuration_keys;  // Null: all.

  static void Describe(auto& c, auto& m) {
    c.Field("resource_type", m.resource_type);
    c.Field("resource_name", m.resource_name);
    c.Field("configuration_keys", m.configuration_keys);
  }
};

struct DescribeConfigsRequest {
  using Response = DescribeConfigsResponse;
  static constexpr std::string_view kName = "DescribeConfigs";
  static constexpr int16_t kApiKey = 32;
  static constexpr int16_t kMinVersion = 1;
  static constexpr int16_t kMaxVersion = 4;
  static constexpr int16_t kFlexibleFrom = 4;

  std::vector<DescribeConfigsResource> resources;
  bool include_synonyms = false;
  bool include_documentation = false;

  static void Describe(auto& c, auto& m) {
    c.Field("resources", m.resources);
    c.Field("include_synonyms", m.include_synonyms);
    c.Field("include_documentation", m.include_documentation, since(3));
  }
};

struct DescribeConfigsSynonym {
  std::string name;
  std::optional<std::string> value;
  ConfigSource source = ConfigSource::kUnknown;

  static void Describe(auto& c, auto& m) {
    c.Field("name", m.name);
    c.Field("value", m.value);
    c.Field("source", m.source);
  }
};

struct DescribeConfigsResourceResult {
  std::string name;
  std::optional<std::string> value;
  bool read_only = false;
  ConfigSource config_source{-1};
  bool is_sensitive = false;
  std::vector<DescribeConfigsSynonym> synonyms;
  ConfigType config_type = ConfigType::kUnknown;
  std::optional<std::string> documentation;

  static void Describe(auto& c, auto& m) {
    c.Field("name", m.name);
    c.Field("value", m.value);
    c.Field("read_only", m.read_only);
    c.Field("config_source", m.config_source);
    c.Field("is_sensitive", m.is_sensitive);
    c.Field("synonyms", m.synonyms);
    c.Field("config_type", m.config_type, since(3));
    c.Field("documentation", m.documentation, since(3));
  }
};

struct DescribeConfigsResult {
  ErrorCode error_code = ErrorCode::kNone;
  std::optional<std::string> error_message;
  ConfigResourceType resource_type = ConfigResourceType::kUnknown;
  std::string resource_name;
  std::vector<DescribeConfigsResourceResult> configs;

  static void Describe(auto& c, auto& m) {
    c.Field("error_code", m.error_code);
    c.Field("error_message", m.error_message);
    c.Field("resource_type", m.resource_type);
    c.Field("resource_name", m.resource_name);
    c.Field("configs", m.configs);
  }
};

struct DescribeConfigsResponse {
  using Request = DescribeConfigsRequest;

  int32_t throttle_time_ms = 0;
  std::vector<DescribeConfigsResult> results;

  static void Describe(auto& c, auto& m) {
    c.Field("throttle_time_ms", m.throttle_time_ms);
    c.Field("results", m.results);
  }
};

struct AlterConfigsResponse;

struct AlterableConfig {
  std::string name;
  std::optional<std::string> value;

  static void Describe(auto& c, auto& m) {
    c.Field("name", m.name);
    c.Field("value", m.value);
  }
};

struct AlterConfigsResource {
  ConfigResourceType resource_type = ConfigResourceType::kUnknown;
  std::string resource_name;
  std::vector<AlterableConfig> configs;

  static void Describe(auto& c, auto& m) {
    c.Field("resource_type", m.resource_type);
    c.Field("resource_name", m.resource_name);
    c.Field("configs", m.configs);
  }
};

struct AlterConfigsRequest {
  using Response = AlterConfigsResponse;
  static constexpr std::string_view kName = "AlterConfigs";
  static constexpr int16_t kApiKey = 33;
  static constexpr int16_t kMinVersion = 0;
  static constexpr int16_t kMaxVersion = 2;
  static constexpr int16_t kFlexibleFrom = 2;

  std::vector<AlterConfigsResource> resources;
  bool validate_only = false;

  static void Describe(auto& c, auto& m) {
    c.Field("resources", m.resources);
    c.Field("validate_only", m.validate_only);
  }
};

// Shared by AlterConfigs and IncrementalAlterConfigs.
struct AlterConfigsResourceResponse {
  ErrorCode error_code = ErrorCode::kNone;
  std::optional<std::string> error_message;
  ConfigResourceType resource_type = ConfigResourceType::kUnknown;
  std::string resource_name;

  static void Describe(auto& c, auto& m) {
    c.Field("error_code", m.error_code);
    c.Field("error_message", m.error_message);
    c.Field("resource_type", m.resource_type);
    c.Field("resource_name", m.resource_name);
  }
};

struct AlterConfigsResponse {
  using Request = AlterConfigsRequest;

  int32_t throttle_time_ms = 0;
  std::vector<AlterConfigsResourceResponse> responses;

  static void Describe(auto& c, auto& m) {
    c.Field("throttle_time_ms", m.throttle_time_ms);
    c.Field("responses", m.responses);
  }
};

struct IncrementalAlterConfigsResponse;

struct IncrementalAlterableConfig {
  std::string name;
  AlterConfigOp config_operation = AlterConfigOp::kSet;
  std::optional<std::string> value;

  static void Describe(auto& c, auto& m) {
    c.Field("name", m.name);
    c.Field("config_operation", m.config_operation);
    c.Field("value", m.value);
  }
};

struct IncrementalAlterConfigsResource {
  ConfigResourceType resource_type = ConfigResourceType::kUnknown;
  std::string resource_name;
  std::vector<IncrementalAlterableConfig> configs;

  static void Describe(auto& c, auto& m) {
    c.Field("resource_type", m.resource_type);
    c.Field("resource_name", m.resource_name);
    c.Field("configs", m.configs);
  }
};

struct IncrementalAlterConfigsRequest {
  using Response = IncrementalAlterConfigsResponse;
  static constexpr std::string_view kName = "IncrementalAlterConfigs";
  static constexpr int16_t kApiKey = 44;
  static constexpr int16_t kMinVersion = 0;
  static constexpr int16_t kMaxVersion = 1;
  static constexpr int16_t kFlexibleFrom = 1;

  std::vector<IncrementalAlterConfigsResource> resources;
  bool validate_only = false;

  static void Describe(auto& c, auto& m) {
    c.Field("resources", m.resources);
    c.Field("validate_only", m.validate_only);
  }
};

struct IncrementalAlterConfigsResponse {
  using Request = IncrementalAlterConfigsRequest;

  int32_t throttle_time_ms = 0;
  std::vector<AlterConfigsResourceResponse> responses;

  static void Describe(auto& c, auto& m) {
    c.Field("throttle_time_ms", m.throttle_time_ms);
    c.Field("responses", m.responses);
  }
};

}  // namespace atl::kafka
