// Groups in the admin API: GET /v1/groups, a line each, and GET /v1/groups/{group} with members and
// offsets. A group whose name does not fit into a path is GET /v1/groups?group=NAME.
#pragma once

#include "core-broker/admin/router.h"
#include "core-broker/admin/state_stream.h"
#include "core-broker/server/handlers/broker.h"

namespace atl::broker {

// `broker` outlives the router and the stream.
void RegisterGroupRoutes(Router& router, const Broker& broker);
// "groups": as GET /v1/groups lists them.
void AddGroupSection(StateStream& stream, const Broker& broker);

}  // namespace atl::broker
