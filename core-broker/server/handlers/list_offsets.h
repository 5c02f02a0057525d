// ListOffsets: the ends of a log are answered at once; look-ups by time read the log, so they run
// on the blocking shard. A time that no record reaches is offset -1 and timestamp -1, no error.
#pragma once

#include "core-broker/server/handlers/exchange.h"
#include "kafka/wire/schema/list_offsets.h"

namespace atl::broker {

void HandleListOffsets(ExchangePtr exchange, kafka::ListOffsetsRequest request);

}  // namespace atl::broker
