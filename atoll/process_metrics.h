// What every process tells Prometheus of itself (prometheus-cpp has no such thing):
// process_cpu_seconds_total, process_resident_memory_bytes, process_open_fds, process_max_fds,
// process_start_time_seconds, read from /proc at scrape time; atoll_build_info; and the space on
// the disk that holds the data folder; and stalls of its reactors.
#pragma once

#include <memory>
#include <string>

#include "base/metrics.h"
#include "runtime/reactor.h"

namespace atl {

// The collectors live as long as the handle.
[[nodiscard]] std::shared_ptr<void> AddProcessMetrics(Metrics& metrics,
                                                      const std::string& data_folder);
// Of the pool's and of the one beside it.
[[nodiscard]] std::shared_ptr<void> AddReactorMetrics(Metrics& metrics,
                                                      const runtime::ReactorPool& pool,
                                                      const runtime::Reactor& admin);

}  // namespace atl
