// GET /metrics/kafka_exporter: this region under the names of danielqsj/kafka_exporter, so that
// dashboards and alerts made for it work as they are. What lies in this region is shown, mirrors
// too; a region is one broker, so every partition has one replica, in sync unless it is offline.
// Series vanish with their topic or group; what is not known is absent.
#pragma once

#include "core-broker/admin/router.h"
#include "core-broker/server/handlers/broker.h"

namespace atl::broker {

// `broker` outlives the router.
void RegisterKafkaExporterPage(Router& router, const Broker& broker);

}  // namespace atl::broker
