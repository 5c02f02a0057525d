// GET /v1/lease: how this region is allowed to accept records, and the metric of the same.
#pragma once

#include <memory>

#include "base/metrics.h"
#include "core-broker/admin/router.h"
#include "mirror/lease/lease.h"

namespace atl::mirror {

// `lease` null: operator mode. It outlives the router, and the handle that is answered.
std::shared_ptr<void> RegisterLeaseRoutes(broker::Router& router, const OwnerLease* lease,
                                          Metrics& metrics);

}  // namespace atl::mirror
