// DeleteRecords: moves log starts up, on the partitions' shards. Refused for mirrors (the gate) and
// for topics that are only compacted (Kafka's rule).
#pragma once

#include "core-broker/server/handlers/exchange.h"
#include "kafka/wire/schema/delete_records.h"

namespace atl::broker {

void HandleDeleteRecords(ExchangePtr exchange, kafka::DeleteRecordsRequest request);

}  // namespace atl::broker
