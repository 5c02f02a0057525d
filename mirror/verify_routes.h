// The admin routes of verification: GET and POST /v1/links/{link}/verify. Handlers run on the admin
// reactor's thread and read snapshots.
#pragma once

#include "core-broker/admin/router.h"
#include "mirror/links.h"

namespace atl::mirror {

// `links` outlives the router.
void RegisterVerifyRoutes(broker::Router& router, Links& links);

}  // namespace atl::mirror
