// What every process tells Prometheus of itself (prometheus-cpp has no such thing):
// process_cpu_seconds_total, process_resident_memory_bytes, process_open_fds, process_max_fds,
// process_start_time_seconds, read from /proc at scrape time; and atoll_build_info.
#pragma once

#include <memory>

#include "base/metrics.h"

namespace atl {

// The collectors live as long as the handle.
[[nodiscard]] std::shared_ptr<void> AddProcessMetrics(Metrics& metrics);

}  // namespace atl
