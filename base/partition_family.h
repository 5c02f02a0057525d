// A gauge family with a series per partition, or, where there are too many partitions for a scrape,
// per topic. atoll_metrics_aggregated says which it is, so that nobody takes a topic's sum for a
// partition's value.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/metrics.h"
#include "base/types.h"

namespace atl {

// More partitions than this, of one kind, are given per topic, unless spec.metrics.partitionSeries
// says otherwise.
inline constexpr size_t kMostPartitionSeries = 10'000;

class PartitionFamily {
 public:
  // How the values of a topic's partitions become one.
  enum class Join { kSum, kMost };
  PartitionFamily(std::string name, std::string help, Join join, bool by_topic);

  // What is not known of a partition has no series, and then neither has its topic.
  void Add(const Labels& labels, PartitionId partition, std::optional<double> value);
  void AppendTo(std::vector<MetricFamily>& out) &&;

 private:
  const Join join_;
  const bool by_topic_;
  FamilyBuilder family_;
  std::map<Labels, std::optional<double>> topics_;
};

// atoll_metrics_aggregated: 1 while series of this kind are given per topic.
void AppendAggregated(std::string_view kind, bool by_topic, std::vector<MetricFamily>& out);

}  // namespace atl
