// DescribeLogDirs: the one data folder, with the size of every partition and the disk's space; what
// dashboards draw.
#pragma once

#include "core-broker/server/handlers/exchange.h"
#include "kafka/wire/schema/cluster.h"

namespace atl::broker {

void HandleDescribeLogDirs(ExchangePtr exchange, kafka::DescribeLogDirsRequest request);

}  // namespace atl::broker
