// The quarantine in the admin API. Handlers run on the admin thread and block on the disk; a
// reinjection runs on a reactor of the pool, a slice of about a second per call.
#pragma once

#include <boost/json/object.hpp>

#include "core-broker/admin/router.h"
#include "kafka/client/connection.h"
#include "mirror/links.h"
#include "mirror/quarantine_reinject.h"

namespace atl::mirror {

struct QuarantineRoutes {
  Links& links;
  Quarantine& quarantine;
  runtime::ReactorPool& reactors;
  runtime::StorageShards& copying;
  kafka::BrokerAddress self;  // Where this region's own topics are produced to.
};

// As GET /v1/quarantine lists them.
boost::json::object DescribeTail(const QuarantinedTail& tail);

// All that `routes` names outlives the router.
void RegisterQuarantineRoutes(broker::Router& router, const QuarantineRoutes& routes);

}  // namespace atl::mirror
