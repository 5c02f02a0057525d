// Metadata: this region as one node that leads every partition, mirrors included (they are read
// here). Missing topics are created when the client allows it and the region does; a topic that was
// just made is answered whole, with its leader, at once.
#pragma once

#include "core-broker/server/handlers/exchange.h"
#include "kafka/wire/schema/metadata.h"

namespace atl::broker {

// What every principal may do until security comes: the operations that Kafka has for the object.
inline constexpr int32_t kTopicOperations = 0x0DF8;    // Read to AlterConfigs.
inline constexpr int32_t kClusterOperations = 0x1FA0;  // Create, Alter, Describe and so on.

void HandleMetadata(ExchangePtr exchange, kafka::MetadataRequest request);

}  // namespace atl::broker
