// How far a group is behind, from its committed offsets and the logs of this region: in records,
// and in seconds as the age of the next record that it has not consumed. A mirror's log counts like
// any other: a consumer may work on it. What can't be known is absent, never 0. Any thread; reads a
// batch header per partition that lags, so not for reactors of connections.
#pragma once

#include <memory>
#include <optional>

#include "base/metrics.h"
#include "core-broker/catalog/catalog.h"
#include "core-broker/group/coordinator.h"

namespace atl::broker {

struct GroupLag {
  Offset log_end;  // The high watermark.
  RecordCount records;
  std::optional<double> seconds;
};

// Nothing for an unknown topic or partition, or one that was never opened.
std::optional<GroupLag> LagOf(const CatalogView& view, const CommittedOffset& committed,
                              WallTime now);

// The records alone, without a look into the log.
std::optional<RecordCount> RecordsBehind(const CatalogView& view, const CommittedOffset& committed);

// atoll_group_lag_records, atoll_group_lag_seconds, atoll_group_members, atoll_group_state. Series
// vanish with their group, topic or offset. Above `max_series` partitions the lags are given per
// topic: records summed, seconds as the largest.
[[nodiscard]] std::shared_ptr<void> AddGroupMetrics(Metrics& metrics, const Catalog& catalog,
                                                    const Coordinator& groups, const Clock& clock,
                                                    size_t max_series);

}  // namespace atl::broker
