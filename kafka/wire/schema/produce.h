// Produce (key 0): record batches from clients. Versions 0-2 are advertised, because older
// librdkafka drops compression without them (kafka-protocol.md 5.1), but not served.
#pragma once

#include "kafka/wire/error_code.h"
#include "kafka/wire/wire_type.h"

namespace atl::kafka {

struct ProduceResponse;

struct PartitionProduceData {
  PartitionId index;
  RecordData records;

  static void Describe(auto& c, auto& m) {
    c.Field("index", m.index);
    c.Field("records", m.records);
  }
};

struct TopicProduceData {
  TopicName name;
  std::vector<PartitionProduceData> partition_data;

  static void Describe(auto& c, auto& m) {
    c.Field("name", m.name);
    c.Field("partition_data", m.partition_data);
  }
};

struct ProduceRequest {
  using Response = ProduceResponse;
  static constexpr std::string_view kName = "Produce";
  static constexpr int16_t kApiKey = 0;
  static constexpr int16_t kMinVersion = 3;
  static constexpr int16_t kMaxVersion = 9;
  static constexpr int16_t kFlexibleFrom = 9;
  static constexpr int16_t kAdvertisedMinVersion = 0;

  std::optional<std::string> transactional_id;
  int16_t acks = 0;  // 0 no response, 1 leader, -1 all in sync.
  int32_t timeout_ms = 0;
  std::vector<TopicProduceData> topic_data;

  static void Describe(auto& c, auto& m) {
    c.Field("transactional_id", m.transactional_id);
    c.Field("acks", m.acks);
    c.Field("timeout_ms", m.timeout_ms);
    c.Field("topic_data", m.topic_data);
  }
};

struct BatchIndexAndErrorMessage {
  int32_t batch_index = 0;
  std::optional<std::string> batch_index_error_message;

  static void Describe(auto& c, auto& m) {
    c.Field("batch_index", m.batch_index, since(8));
    c.Field("batch_index_error_message", m.batch_index_error_message, since(8));
  }
};

struct PartitionProduceResponse {
  PartitionId index;
  ErrorCode error_code = ErrorCode::kNone;
  Offset base_offset;
  Timestamp log_append_time_ms = kNoTimestamp;
  Offset log_start_offset = kNoOffset;
  std::vector<BatchIndexAndErrorMessage> record_errors;
  std::optional<std::string> error_message;

  static void Describe(auto& c, auto& m) {
    c.Field("index", m.index);
    c.Field("error_code", m.error_code);
    c.Field("base_offset", m.base_offset);
    c.Field("log_append_time_ms", m.log_append_time_ms);
    c.Field("log_start_offset", m.log_start_offset, since(5));
    c.Field("record_errors", m.record_errors, since(8));
    c.Field("error_message", m.error_message, since(8));
  }
};

struct TopicProduceResponse {
  TopicName name;
  std::vector<PartitionProduceResponse> partition_responses;

  static void Describe(auto& c, auto& m) {
    c.Field("name", m.name);
    c.Field("partition_responses", m.partition_responses);
  }
};

struct ProduceResponse {
  using Request = ProduceRequest;

  std::vector<TopicProduceResponse> responses;
  int32_t throttle_time_ms = 0;

  static void Describe(auto& c, auto& m) {
    c.Field("responses", m.responses);
    c.Field("throttle_time_ms", m.throttle_time_ms);
  }
};

}  // namespace atl::kafka
