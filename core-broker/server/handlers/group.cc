#include "core-broker/server/handlers/group.h"

#include <utility>

#include "core-broker/server/handlers/reply_home.h"

namespace atl::broker {
namespace {

constexpr int16_t kFirstVersionWithMembers = 3;  // Of LeaveGroup.

// As Kafka's tools show a member's host: "/127.0.0.1".
std::string HostOf(std::string_view peer) {
  return fmt::format("/{}", peer.substr(0, peer.rfind(':')));
}

}  // namespace

void HandleJoinGroup(ExchangePtr exchange, kafka::JoinGroupRequest request) {
  Coordinator::Caller caller;
  caller.version = exchange->version();
  caller.client_id = exchange->header().client_id.value_or("");
  caller.host = HostOf(exchange->peer());
  Coordinator& groups = exchange->broker().groups;
  groups.Join(caller, std::move(request),
              [exchange = std::move(exchange)](kafka::JoinGroupResponse response) {
                ReplyHome(exchange, std::move(response));
              });
}

void HandleSyncGroup(ExchangePtr exchange, kafka::SyncGroupRequest request) {
  Coordinator& groups = exchange->broker().groups;
  groups.Sync(std::move(request),
              [exchange = std::move(exchange)](kafka::SyncGroupResponse response) {
                ReplyHome(exchange, std::move(response));
              });
}

void HandleHeartbeat(ExchangePtr exchange, kafka::HeartbeatRequest request) {
  kafka::HeartbeatResponse response;
  response.error_code = exchange->broker().groups.Heartbeat(request);
  exchange->Reply(response);
}

void HandleLeaveGroup(ExchangePtr exchange, kafka::LeaveGroupRequest request) {
  std::vector<MemberClaim> members;
  const bool many = exchange->version() >= kFirstVersionWithMembers;
  if (!many) members.push_back({request.member_id, std::nullopt});
  for (const kafka::LeavingMember& member : request.members) {
    members.push_back({member.member_id, member.group_instance_id});
  }
  kafka::LeaveGroupResponse response;
  if (!IsGroupId(request.group_id)) {
    response.error_code = kafka::ErrorCode::kInvalidGroupId;
    return exchange->Reply(response);
  }
  const Coordinator::Errors errors = exchange->broker().groups.Leave(request.group_id, members);
  if (!many) {
    response.error_code = errors.front();
    return exchange->Reply(response);
  }
  for (size_t i = 0; i < members.size(); ++i) {
    response.members.push_back({members[i].member_id, members[i].instance_id, errors[i]});
  }
  exchange->Reply(response);
}

}  // namespace atl::broker
