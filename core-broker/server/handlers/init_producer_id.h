// InitProducerId for idempotent producers: always a new id with epoch 0, as Kafka does when there
// is no transactional id; a client that bumps its own epoch (KIP-360) needs nothing from us.
//
// Transactions come with their own issue. Until then a transactional id is answered
// TRANSACTIONAL_ID_AUTHORIZATION_FAILED here, in FindCoordinator and in Produce: it is the one
// error that the Java client and librdkafka both take as fatal at once and show with its name.
// Anything retriable makes initTransactions() spin until its timeout, and librdkafka retries
// FindCoordinator for ever on most of the others.
#pragma once

#include "core-broker/server/handlers/exchange.h"
#include "kafka/wire/schema/init_producer_id.h"

namespace atl::broker {

void HandleInitProducerId(ExchangePtr exchange, kafka::InitProducerIdRequest request);

}  // namespace atl::broker
