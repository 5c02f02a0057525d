// DescribeGroups, ListGroups, DeleteGroups and OffsetDelete. An unknown group is "Dead" and no
// error, as in these versions of Kafka's protocol.
#pragma once

#include "core-broker/server/handlers/exchange.h"
#include "kafka/wire/schema/group_admin.h"

namespace atl::broker {

void HandleDescribeGroups(ExchangePtr exchange, kafka::DescribeGroupsRequest request);
void HandleListGroups(ExchangePtr exchange, kafka::ListGroupsRequest request);
void HandleDeleteGroups(ExchangePtr exchange, kafka::DeleteGroupsRequest request);
void HandleOffsetDelete(ExchangePtr exchange, kafka::OffsetDeleteRequest request);

}  // namespace atl::broker
