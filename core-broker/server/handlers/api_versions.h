// ApiVersions: what this broker serves, straight from dispatch's type list. The client's software
// name and version are checked as Kafka does (KIP-511).
#pragma once

#include <vector>

#include "core-broker/server/handlers/exchange.h"
#include "kafka/wire/schema/api_versions.h"

namespace atl::broker {

void AnswerApiVersions(Exchange& exchange, const kafka::ApiVersionsRequest& request,
                       std::vector<kafka::ApiVersion> served);

}  // namespace atl::broker
