// DescribeConfigs for topics, and for this node as a broker (read-only: the region's YAML and what
// tools such as Debezium, kafka-ui and Connect look for). Every entry says where its value comes
// from.
#pragma once

#include "core-broker/server/handlers/exchange.h"
#include "kafka/wire/schema/config.h"

namespace atl::broker {

void HandleDescribeConfigs(ExchangePtr exchange, kafka::DescribeConfigsRequest request);

}  // namespace atl::broker
