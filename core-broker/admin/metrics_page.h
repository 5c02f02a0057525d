// GET /metrics, for Prometheus.
#pragma once

#include "base/metrics.h"
#include "core-broker/admin/router.h"

namespace atl::broker {

// `metrics` outlives the router.
void RegisterMetricsPage(Router& router, const Metrics& metrics);

}  // namespace atl::broker
