// JoinGroup, SyncGroup, Heartbeat and LeaveGroup: thin over the group coordinator, which answers a
// join when the rebalance completes and a sync when the assignment is durable.
#pragma once

#include "core-broker/server/handlers/exchange.h"
#include "kafka/wire/schema/group.h"

namespace atl::broker {

void HandleJoinGroup(ExchangePtr exchange, kafka::JoinGroupRequest request);
void HandleSyncGroup(ExchangePtr exchange, kafka::SyncGroupRequest request);
void HandleHeartbeat(ExchangePtr exchange, kafka::HeartbeatRequest request);
void HandleLeaveGroup(ExchangePtr exchange, kafka::LeaveGroupRequest request);

}  // namespace atl::broker
