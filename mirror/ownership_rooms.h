// Joins ownership to the control plane: what peers say about owners is merged, what changes here is
// said to them, and the requests of a planned move are answered. Everything that blocks runs on the
// blocking shard.
#pragma once

#include "mirror/control/rooms.h"
#include "mirror/links.h"
#include "mirror/ownership/owners.h"
#include "runtime/storage_shards.h"

namespace atl::mirror {

struct OwnershipRooms {
  Owners& owners;
  Links& links;
  broker::Catalog& catalog;
  runtime::StorageShards& blocking;
};

// Before the plane starts; all in `rooms` outlive it.
void JoinOwnership(ControlRooms& control, OwnershipRooms rooms);

}  // namespace atl::mirror
