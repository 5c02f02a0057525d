// The admin routes of ownership and of moves: plans, runs, reports, who owns what. Handlers run on
// the admin reactor's thread and may block for a moment (store, a question to a peer).
#pragma once

#include <boost/json/object.hpp>

#include "core-broker/admin/router.h"
#include "mirror/failovers.h"

namespace atl::mirror {

struct FailoverRoutes {
  Failovers& failovers;
  Owners& owners;
  Links& links;
  broker::Catalog& catalog;
};

// As GET /v1/failovers lists them.
boost::json::object DescribeMove(const checkpoint::FailoverRecord& record);

// All outlive the router.
void RegisterFailoverRoutes(broker::Router& router, FailoverRoutes routes);

}  // namespace atl::mirror
