// DescribeCluster: one node, this region.
#pragma once

#include "core-broker/server/handlers/exchange.h"
#include "kafka/wire/schema/cluster.h"

namespace atl::broker {

void HandleDescribeCluster(ExchangePtr exchange, kafka::DescribeClusterRequest request);

}  // namespace atl::broker
