// CreatePartitions: only upwards, every topic is echoed. A mirror grows with its source alone: the
// gate refuses clients. Assignments, where given, must name this node.
#pragma once

#include "core-broker/server/handlers/exchange.h"
#include "kafka/wire/schema/topic.h"

namespace atl::broker {

void HandleCreatePartitions(ExchangePtr exchange, kafka::CreatePartitionsRequest request);

}  // namespace atl::broker
