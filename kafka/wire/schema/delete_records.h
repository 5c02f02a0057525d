// DeleteRecords (key 21): moves a partition's log start up.
#pragma once

#include "kafka/wire/error_code.h"
#include "kafka/wire/wire_type.h"

namespace atl::kafka {

struct DeleteRecordsResponse;

struct DeleteRecordsPartition {
  PartitionId partition_index;
  Offset offset;  // The new log start; -1: the high watermark.

  static void Describe(auto& c, auto& m) {
    c.Field("partition_index", m.partition_index);
    c.Field("offset", m.offset);
  }
};

struct DeleteRecordsTopic {
  TopicName name;
  std::vector<DeleteRecordsPartition> partitions;

  static void Describe(auto& c, auto& m) {
    c.Field("name", m.name);
    c.Field("partitions", m.partitions);
  }
};

struct DeleteRecordsRequest {
  using Response = DeleteRecordsResponse;
  static constexpr std::string_view kName = "DeleteRecords";
  static constexpr int16_t kApiKey = 21;
  static constexpr int16_t kMinVersion = 0;
  static constexpr int16_t kMaxVersion = 2;
  static constexpr int16_t kFlexibleFrom = 2;

  std::vector<DeleteRecordsTopic> topics;
  int32_t timeout_ms = 0;

  static void Describe(auto& c, auto& m) {
    c.Field("topics", m.topics);
    c.Field("timeout_ms", m.timeout_ms);
  }
};

struct DeleteRecordsPartitionResult {
  PartitionId partition_index;
  Offset low_watermark;
  ErrorCode error_code = ErrorCode::kNone;

  static void Describe(auto& c, auto& m) {
    c.Field("partition_index", m.partition_index);
    c.Field("low_watermark", m.low_watermark);
    c.Field("error_code", m.error_code);
  }
};

struct DeleteRecordsTopicResult {
  TopicName name;
  std::vector<DeleteRecordsPartitionResult> partitions;

  static void Describe(auto& c, auto& m) {
    c.Field("name", m.name);
    c.Field("partitions", m.partitions);
  }
};

struct DeleteRecordsResponse {
  using Request = DeleteRecordsRequest;

  int32_t throttle_time_ms = 0;
  std::vector<DeleteRecordsTopicResult> topics;

  static void Describe(auto& c, auto& m) {
    c.Field("throttle_time_ms", m.throttle_time_ms);
    c.Field("topics", m.topics);
  }
};

}  // namespace atl::kafka
