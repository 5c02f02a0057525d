// IncrementalAlterConfigs (KIP-339: set, delete, append, subtract) and AlterConfigs, its elder: a
// full replace, where a key that is not named goes back to its default. Topics only; a broker's
// configuration is the region's YAML. Mirrors are refused by the gate: their configuration follows
// the source.
#pragma once

#include "core-broker/server/handlers/exchange.h"
#include "kafka/wire/schema/config.h"

namespace atl::broker {

void HandleIncrementalAlterConfigs(ExchangePtr exchange,
                                   kafka::IncrementalAlterConfigsRequest request);
void HandleAlterConfigs(ExchangePtr exchange, kafka::AlterConfigsRequest request);

}  // namespace atl::broker
