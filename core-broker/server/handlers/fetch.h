// Fetch: reads below the high watermark on the connection's own reactor, without a hop, and answers
// with stretches of the segment files. With fewer than min_bytes it waits for the partitions'
// progress or for max_wait; an error of any partition answers at once. A session wakes up only for
// what moved.
#pragma once

#include "core-broker/server/handlers/exchange.h"
#include "kafka/wire/schema/fetch.h"

namespace atl::broker {

void HandleFetch(ExchangePtr exchange, kafka::FetchRequest request);

}  // namespace atl::broker
