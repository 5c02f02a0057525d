// Groups as an operator sees them: DescribeGroups (key 15), ListGroups (16; version 4 filters by
// state), DeleteGroups (42) and OffsetDelete (47).
#pragma once

#include "kafka/wire/error_code.h"
#include "kafka/wire/schema/common.h"
#include "kafka/wire/wire_type.h"

namespace atl::kafka {

struct DescribeGroupsResponse;

struct DescribeGroupsRequest {
  using Response = DescribeGroupsResponse;
  static constexpr std::string_view kName = "DescribeGroups";
  static constexpr int16_t kApiKey = 15;
  static constexpr int16_t kMinVersion = 0;
  static constexpr int16_t kMaxVersion = 5;
  static constexpr int16_t kFlexibleFrom = 5;

  std::vector<GroupId> groups;
  bool include_authorized_operations = false;

  static void Describe(auto& c, auto& m) {
    c.Field("groups", m.groups);
    c.Field("include_authorized_operations", m.include_authorized_operations, since(3));
  }
};

struct DescribedGroupMember {
  std::string member_id;
  std::optional<std::string> group_instance_id;
  std::string client_id;
  std::string client_host;
  Bytes member_metadata;
  Bytes member_assignment;

  static void Describe(auto& c, auto& m) {
    c.Field("member_id", m.member_id);
    c.Field("group_instance_id", m.group_instance_id, since(4).nullable(4));
    c.Field("client_id", m.client_id);
    c.Field("client_host", m.client_host);
    c.Field("member_metadata", m.member_metadata);
    c.Field("member_assignment", m.member_assignment);
  }
};

struct DescribedGroup {
  ErrorCode error_code = ErrorCode::kNone;
  GroupId group_id;
  std::string group_state;
  std::string protocol_type;
  std::string protocol_data;  // The protocol's name.
  std::vector<DescribedGroupMember> members;
  int32_t authorized_operations = kNoAuthorizedOperations;

  static void Describe(auto& c, auto& m) {
    c.Field("error_code", m.error_code);
    c.Field("group_id", m.group_id);
    c.Field("group_state", m.group_state);
    c.Field("protocol_type", m.protocol_type);
    c.Field("protocol_data", m.protocol_data);
    c.Field("members", m.members);
    c.Field("authorized_operations", m.authorized_operations, since(3));
  }
};

struct DescribeGroupsResponse {
  using Request = DescribeGroupsRequest;

  int32_t throttle_time_ms = 0;
  std::vector<DescribedGroup> groups;

  static void Describe(auto& c, auto& m) {
    c.Field("throttle_time_ms", m.throttle_time_ms, since(1));
    c.Field("groups", m.groups);
  }
};

struct ListGroupsResponse;

struct ListGroupsRequest {
  using Response = ListGroupsResponse;
  static constexpr std::string_view kName = "ListGroups";
  static constexpr int16_t kApiKey = 16;
  static constexpr int16_t kMinVersion = 0;
  static constexpr int16_t kMaxVersion = 4;
  static constexpr int16_t kFlexibleFrom = 3;

  std::vector<std::string> states_filter;  // Empty: all.

  static void Describe(auto& c, auto& m) { c.Field("states_filter", m.states_filter, since(4)); }
};

struct ListedGroup {
  GroupId group_id;
  std::string protocol_type;
  std::string group_state;

  static void Describe(auto& c, auto& m) {
    c.Field("group_id", m.group_id);
    c.Field("protocol_type", m.protocol_type);
    c.Field("group_state", m.group_state, since(4));
  }
};

struct ListGroupsResponse {
  using Request = ListGroupsRequest;

  int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::kNone;
  std::vector<ListedGroup> groups;

  static void Describe(auto& c, auto& m) {
    c.Field("throttle_time_ms", m.throttle_time_ms, since(1));
    c.Field("error_code", m.error_code);
    c.Field("groups", m.groups);
  }
};

struct DeleteGroupsResponse;

struct DeleteGroupsRequest {
  using Response = DeleteGroupsResponse;
  static constexpr std::string_view kName = "DeleteGroups";
  static constexpr int16_t kApiKey = 42;
  static constexpr int16_t kMinVersion = 0;
  static constexpr int16_t kMaxVersion = 2;
  static constexpr int16_t kFlexibleFrom = 2;

  std::vector<GroupId> groups_names;

  static void Describe(auto& c, auto& m) { c.Field("groups_names", m.groups_names); }
};

struct DeletableGroupResult {
  GroupId group_id;
  ErrorCode error_code = ErrorCode::kNone;

  static void Describe(auto& c, auto& m) {
    c.Field("group_id", m.group_id);
    c.Field("error_code", m.error_code);
  }
};

struct DeleteGroupsResponse {
  using Request = DeleteGroupsRequest;

  int32_t throttle_time_ms = 0;
  std::vector<DeletableGroupResult> results;

  static void Describe(auto& c, auto& m) {
    c.Field("throttle_time_ms", m.throttle_time_ms);
    c.Field("results", m.results);
  }
};

struct OffsetDeleteResponse;

struct OffsetDeletePartition {
  PartitionId partition_index;

  static void Describe(auto& c, auto& m) { c.Field("partition_index", m.partition_index); }
};

struct OffsetDeleteTopic {
  TopicName name;
  std::vector<OffsetDeletePartition> partitions;

  static void Describe(auto& c, auto& m) {
    c.Field("name", m.name);
    c.Field("partitions", m.partitions);
  }
};

struct OffsetDeleteRequest {
  using Response = OffsetDeleteResponse;
  static constexpr std::string_view kName = "OffsetDelete";
  static constexpr int16_t kApiKey = 47;
  static constexpr int16_t kMinVersion = 0;
  static constexpr int16_t kMaxVersion = 0;
  static constexpr int16_t kFlexibleFrom = kNeverFlexible;

  GroupId group_id;
  std::vector<OffsetDeleteTopic> topics;

  static void Describe(auto& c, auto& m) {
    c.Field("group_id", m.group_id);
    c.Field("topics", m.topics);
  }
};

struct OffsetDeletePartitionResult {
  PartitionId partition_index;
  ErrorCode error_code = ErrorCode::kNone;

  static void Describe(auto& c, auto& m) {
    c.Field("partition_index", m.partition_index);
    c.Field("error_code", m.error_code);
  }
};

struct OffsetDeleteTopicResult {
  TopicName name;
  std::vector<OffsetDeletePartitionResult> partitions;

  static void Describe(auto& c, auto& m) {
    c.Field("name", m.name);
    c.Field("partitions", m.partitions);
  }
};

struct OffsetDeleteResponse {
  using Request = OffsetDeleteRequest;

  ErrorCode error_code = ErrorCode::kNone;
  int32_t throttle_time_ms = 0;
  std::vector<OffsetDeleteTopicResult> topics;

  static void Describe(auto& c, auto& m) {
    c.Field("error_code", m.error_code);
    c.Field("throttle_time_ms", m.throttle_time_ms);
    c.Field("topics", m.topics);
  }
};

}  // namespace atl::kafka
