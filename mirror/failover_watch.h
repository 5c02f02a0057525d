// atoll_failover_blockers{link,reason}: what speaks against a failover of each link now, taken from
// the plan that an operator would be shown (ownership/blockers.h). Made when Prometheus asks, from
// what this region knows by itself: no peer is asked, nothing waits.
#pragma once

#include <memory>

#include "mirror/failovers.h"
#include "mirror/links.h"

namespace atl::mirror {

// Both outlive the handle.
[[nodiscard]] std::shared_ptr<void> WatchFailover(Metrics& metrics, const Links& links,
                                                  const Failovers& failovers);

}  // namespace atl::mirror
