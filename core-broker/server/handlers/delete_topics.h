// DeleteTopics, by name or by id (v6). A mirror may be deleted by a client, too: that is how an
// operator gets rid of a retired one; a link that still includes the topic makes it anew.
#pragma once

#include "core-broker/server/handlers/exchange.h"
#include "kafka/wire/schema/topic.h"

namespace atl::broker {

void HandleDeleteTopics(ExchangePtr exchange, kafka::DeleteTopicsRequest request);

}  // namespace atl::broker
