// The admin routes of links: what they are and do, their mirrors, their events, and what an
// operator may tell them. Handlers run on the admin reactor's thread, read snapshots, and block
// only on the store.
#pragma once

#include "core-broker/admin/router.h"
#include "mirror/control/control_plane.h"
#include "mirror/links.h"

namespace atl::mirror {

// Both outlive the router.
void RegisterRoutes(broker::Router& router, Links& links, const ControlPlane& control);

}  // namespace atl::mirror
