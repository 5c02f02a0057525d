// Produce (design.md section 4): batches are judged here, on the connection's reactor; then one job
// per storage shard touched stages them in place, in the frame's own memory. acks=1 is answered
// after the write, acks=all after the sync, acks=0 never (an error closes the connection).
#pragma once

#include "core-broker/server/handlers/exchange.h"
#include "kafka/wire/schema/produce.h"

namespace atl::broker {

void HandleProduce(ExchangePtr exchange, kafka::ProduceRequest request);

}  // namespace atl::broker
