// The membership of a classic consumer group: JoinGroup (key 11), Heartbeat (12), LeaveGroup (13)
// and SyncGroup (14). Metadata and assignments are opaque here: they belong to the group's protocol
// ("consumer", "connect", ...). JoinGroup ends at 7: 8 adds only a reason, 9 skipAssignment.
#pragma once

#include "kafka/wire/error_code.h"
#include "kafka/wire/wire_type.h"

namespace atl::kafka {

inline constexpr int32_t kNoGeneration = -1;

struct JoinGroupResponse;

struct JoinGroupProtocol {
  std::string name;
  Bytes metadata;

  static void Describe(auto& c, auto& m) {
    c.Field("name", m.name);
    c.Field("metadata", m.metadata);
  }
};

struct JoinGroupRequest {
  using Response = JoinGroupResponse;
  static constexpr std::string_view kName = "JoinGroup";
  static constexpr int16_t kApiKey = 11;
  static constexpr int16_t kMinVersion = 0;
  static constexpr int16_t kMaxVersion = 7;
  static constexpr int16_t kFlexibleFrom = 6;

  GroupId group_id;
  int32_t session_timeout_ms = 0;
  int32_t rebalance_timeout_ms = -1;  // -1: as the session's.
  std::string member_id;              // Empty: a new member.
  std::optional<std::string> group_instance_id;
  std::string protocol_type;
  std::vector<JoinGroupProtocol> protocols;  // The most wanted first.

  static void Describe(auto& c, auto& m) {
    c.Field("group_id", m.group_id);
    c.Field("session_timeout_ms", m.session_timeout_ms);
    c.Field("rebalance_timeout_ms", m.rebalance_timeout_ms, since(1));
    c.Field("member_id", m.member_id);
    c.Field("group_instance_id", m.group_instance_id, since(5).nullable(5));
    c.Field("protocol_type", m.protocol_type);
    c.Field("protocols", m.protocols);
  }
};

struct JoinGroupMember {
  std::string member_id;
  std::optional<std::string> group_instance_id;
  Bytes metadata;

  static void Describe(auto& c, auto& m) {
    c.Field("member_id", m.member_id);
    c.Field("group_instance_id", m.group_instance_id, since(5).nullable(5));
    c.Field("metadata", m.metadata);
  }
};

struct JoinGroupResponse {
  using Request = JoinGroupRequest;

  int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::kNone;
  int32_t generation_id = kNoGeneration;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol_name;
  std::string leader;
  std::string member_id;
  std::vector<JoinGroupMember> members;  // For the leader only.

  static void Describe(auto& c, auto& m) {
    c.Field("throttle_time_ms", m.throttle_time_ms, since(2));
    c.Field("error_code", m.error_code);
    c.Field("generation_id", m.generation_id);
    c.Field("protocol_type", m.protocol_type, since(7).nullable(7));
    c.Field("protocol_name", m.protocol_name, nullable(7));
    c.Field("leader", m.leader);
    c.Field("member_id", m.member_id);
    c.Field("members", m.members);
  }
};

struct HeartbeatResponse;

struct HeartbeatRequest {
  using Response = HeartbeatResponse;
  static constexpr std::string_view kName = "Heartbeat";
  static constexpr int16_t kApiKey = 12;
  static constexpr int16_t kMinVersion = 0;
  static constexpr int16_t kMaxVersion = 4;
  static constexpr int16_t kFlexibleFrom = 4;

  GroupId group_id;
  int32_t generation_id = 0;
  std::string member_id;
  std::optional<std::string> group_instance_id;

  static void Describe(auto& c, auto& m) {
    c.Field("group_id", m.group_id);
    c.Field("generation_id", m.generation_id);
    c.Field("member_id", m.member_id);
    c.Field("group_instance_id", m.group_instance_id, since(3).nullable(3));
  }
};

struct HeartbeatResponse {
  using Request = HeartbeatRequest;

  int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::kNone;

  static void Describe(auto& c, auto& m) {
    c.Field("throttle_time_ms", m.throttle_time_ms, since(1));
    c.Field("error_code", m.error_code);
  }
};

struct LeaveGroupResponse;

struct LeavingMember {
  std::string member_id;
  std::optional<std::string> group_instance_id;

  static void Describe(auto& c, auto& m) {
    c.Field("member_id", m.member_id);
    c.Field("group_instance_id", m.group_instance_id);
  }
};

struct LeaveGroupRequest {
  using Response = LeaveGroupResponse;
  static constexpr std::string_view kName = "LeaveGroup";
  static constexpr int16_t kApiKey = 13;
  static constexpr int16_t kMinVersion = 0;
  static constexpr int16_t kMaxVersion = 4;
  static constexpr int16_t kFlexibleFrom = 4;

  GroupId group_id;
  std::string member_id;
  std::vector<LeavingMember> members;

  static void Describe(auto& c, auto& m) {
    c.Field("group_id", m.group_id);
    c.Field("member_id", m.member_id, until(2));
    c.Field("members", m.members, since(3));
  }
};

struct LeftMember {
  std::string member_id;
  std::optional<std::string> group_instance_id;
  ErrorCode error_code = ErrorCode::kNone;

  static void Describe(auto& c, auto& m) {
    c.Field("member_id", m.member_id);
    c.Field("group_instance_id", m.group_instance_id);
    c.Field("error_code", m.error_code);
  }
};

struct LeaveGroupResponse {
  using Request = LeaveGroupRequest;

  int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::kNone;
  std::vector<LeftMember> members;

  static void Describe(auto& c, auto& m) {
    c.Field("throttle_time_ms", m.throttle_time_ms, since(1));
    c.Field("error_code", m.error_code);
    c.Field("members", m.members, since(3));
  }
};

struct SyncGroupResponse;

struct SyncGroupAssignment {
  std::string member_id;
  Bytes assignment;

  static void Describe(auto& c, auto& m) {
    c.Field("member_id", m.member_id);
    c.Field("assignment", m.assignment);
  }
};

struct SyncGroupRequest {
  using Response = SyncGroupResponse;
  static constexpr std::string_view kName = "SyncGroup";
  static constexpr int16_t kApiKey = 14;
  static constexpr int16_t kMinVersion = 0;
  static constexpr int16_t kMaxVersion = 5;
  static constexpr int16_t kFlexibleFrom = 4;

  GroupId group_id;
  int32_t generation_id = 0;
  std::string member_id;
  std::optional<std::string> group_instance_id;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol_name;
  std::vector<SyncGroupAssignment> assignments;  // From the leader only.

  static void Describe(auto& c, auto& m) {
    c.Field("group_id", m.group_id);
    c.Field("generation_id", m.generation_id);
    c.Field("member_id", m.member_id);
    c.Field("group_instance_id", m.group_instance_id, since(3).nullable(3));
    c.Field("protocol_type", m.protocol_type, since(5).nullable(5));
    c.Field("protocol_name", m.protocol_name, since(5).nullable(5));
    c.Field("assignments", m.assignments);
  }
};

struct SyncGroupResponse {
  using Request = SyncGroupRequest;

  int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::kNone;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol_name;
  Bytes assignment;

  static void Describe(auto& c, auto& m) {
    c.Field("throttle_time_ms", m.throttle_time_ms, since(1));
    c.Field("error_code", m.error_code);
    c.Field("protocol_type", m.protocol_type, since(5).nullable(5));
    c.Field("protocol_name", m.protocol_name, since(5).nullable(5));
    c.Field("assignment", m.assignment);
  }
};

}  // namespace atl::kafka
