// The admin routes of the control plane: GET /v1/peers (who is connected, and why not), GET
// /v1/positions[?topic=] (how far the mirrors of other regions are). Handlers run on the admin
// reactor and read snapshots.
#pragma once

#include <boost/json/object.hpp>

#include "core-broker/admin/health.h"
#include "core-broker/admin/router.h"
#include "mirror/region_positions.h"

namespace atl::mirror {

// A link's control connection as GET /v1/links/{link} shows it.
boost::json::object DescribeControl(const config::Link& link, const ControlPlane& plane);

// control-listener: for /readyz, of a region that has one.
void AddControlCheck(broker::Health& health, const ControlPlane& plane);

// All outlive the router.
void RegisterControlRoutes(broker::Router& router, const ControlPlane& plane,
                           RegionPositions& positions, const broker::Catalog& catalog,
                           const Clock& clock);

}  // namespace atl::mirror
