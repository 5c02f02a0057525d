// CreateTopics. One node: a replication factor above 1 is clamped or refused, by the region's
// configuration; -1 takes the defaults (KIP-464). A topic that is answered can be used at once.
#pragma once

#include "core-broker/server/handlers/exchange.h"
#include "kafka/wire/schema/topic.h"

namespace atl::broker {

void HandleCreateTopics(ExchangePtr exchange, kafka::CreateTopicsRequest request);

}  // namespace atl::broker
