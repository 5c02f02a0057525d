// OffsetCommit and OffsetFetch. Commits are taken for mirrored topics too: a consumer may work on a
// mirror. What was never committed is offset -1 without an error (clients fail on one).
#pragma once

#include "core-broker/server/handlers/exchange.h"
#include "kafka/wire/schema/group_offset.h"

namespace atl::broker {

void HandleOffsetCommit(ExchangePtr exchange, kafka::OffsetCommitRequest request);
void HandleOffsetFetch(ExchangePtr exchange, kafka::OffsetFetchRequest request);

}  // namespace atl::broker
