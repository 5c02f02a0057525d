// The admin routes about offsets across regions: one translation, and what a link knows of its
// source's groups. Handlers run on the admin reactor's thread and wait shortly for the group sync.
#pragma once

#include "core-broker/admin/router.h"
#include "mirror/links.h"
#include "mirror/offsets/group_sync.h"
#include "mirror/offsets/local_copies.h"

namespace atl::mirror {

// All outlive the router.
void RegisterTranslateRoute(broker::Router& router, const Links& links, const LocalCopies& copies);
void RegisterGroupSyncRoute(broker::Router& router, const Links& links, const GroupSync& groups);

}  // namespace atl::mirror
