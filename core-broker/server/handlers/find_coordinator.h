// FindCoordinator: this node, for every group. Transactional ids are refused, see
// init_producer_id.h.
#pragma once

#include "core-broker/server/handlers/exchange.h"
#include "kafka/wire/schema/find_coordinator.h"

namespace atl::broker {

void HandleFindCoordinator(ExchangePtr exchange, kafka::FindCoordinatorRequest request);

}  // namespace atl::broker
