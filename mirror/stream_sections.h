// What the event stream tells of links: "links" (with throughput), "mirrors", "linkGroups" (a line
// per link and group), "events" (the newest), "moves" and "quarantine". The rows are those of the
// routes, less what changes without meaning anything.
#pragma once

#include "core-broker/admin/state_stream.h"
#include "mirror/control/control_plane.h"
#include "mirror/failovers.h"
#include "mirror/links.h"
#include "mirror/offsets/group_sync.h"
#include "mirror/ownership/quarantine.h"

namespace atl::mirror {

struct StreamedRooms {
  Links& links;
  const ControlPlane& control;
  const GroupSync& group_sync;
  const Failovers& failovers;
  const Quarantine& quarantine;
};

// All outlive the stream.
void AddLinkSections(broker::StateStream& stream, const StreamedRooms& rooms);

}  // namespace atl::mirror
