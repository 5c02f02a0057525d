// The admin routes of links: what they are and do, their mirrors, their events, and what an
// operator may tell them. Handlers run on the admin reactor's thread, read snapshots, and block
// only on the store.
#pragma once

#include <boost/json/object.hpp>

#include "core-broker/admin/router.h"
#include "mirror/control/control_plane.h"
#include "mirror/links.h"

namespace atl::mirror {

// As GET /v1/links, /v1/links/{link}/mirrors and /v1/events show them.
boost::json::object DescribeLink(const Link& link, const ControlPlane& control, const Clock& clock);
boost::json::object DescribeMirror(const MirrorRow& row);
boost::json::object DescribeEvent(const checkpoint::Event& event);

// Both outlive the router.
void RegisterRoutes(broker::Router& router, Links& links, const ControlPlane& control);

}  // namespace atl::mirror
