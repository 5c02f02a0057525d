// OffsetForLeaderEpoch: where an epoch ends here (KIP-101, KIP-320); what mirrors and consumers
// find a divergence with. Answered from memory.
#pragma once

#include "core-broker/server/handlers/exchange.h"
#include "kafka/wire/schema/offset_for_leader_epoch.h"

namespace atl::broker {

void HandleOffsetForLeaderEpoch(ExchangePtr exchange, kafka::OffsetForLeaderEpochRequest request);

}  // namespace atl::broker
