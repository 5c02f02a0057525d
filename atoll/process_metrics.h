// What every process tells Prometheus of itself (prometheus-cpp has no such thing):
// process_cpu_seconds_total, process_resident_memory_bytes, process_open_fds, process_max_fds,
// process_start_time_seconds, read from /proc at scrape time; atoll_build_info; and the space on
// the disk that holds the data folder.
#pragma once

#include <memory>
#include <string>

#include "base/metrics.h"

namespace atl {

// The collectors live as long as the handle.
[[nodiscard]] std::shared_ptr<void> AddProcessMetrics(Metrics& metrics,
                                                      const std::string& data_folder);

}  // namespace atl
