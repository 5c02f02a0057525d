#include "base/partition_family.h"

#include <algorithm>
#include <utility>

namespace atl {

PartitionFamily::PartitionFamily(std::string name, std::string help, Join join, bool by_topic)
    : join_(join), by_topic_(by_topic), family_(std::move(name), std::move(help)) {}

void PartitionFamily::Add(const Labels& labels, PartitionId partition,
                          std::optional<double> value) {
  if (!by_topic_) {
    if (!value) return;
    Labels whole = labels;
    whole["partition"] = std::to_string(partition.value());
    return family_.Add(whole, *value);
  }
  const auto [topic, is_first] = topics_.try_emplace(labels, value);
  std::optional<double>& joined = topic->second;
  if (is_first || !joined) return;
  if (!value) {
    joined.reset();
  } else {
    joined = join_ == Join::kSum ? *joined + *value : std::max(*joined, *value);
  }
}

void PartitionFamily::AppendTo(std::vector<MetricFamily>& out) && {
  for (const auto& [labels, value] : topics_) {
    if (value) family_.Add(labels, *value);
  }
  std::move(family_).AppendTo(out);
}

void AppendAggregated(std::string_view kind, bool by_topic, std::vector<MetricFamily>& out) {
  FamilyBuilder aggregated("atoll_metrics_aggregated",
                           "1 while series of this kind are given per topic instead of per "
                           "partition, because there are more of these than "
                           "spec.metrics.partitionSeries.");
  aggregated.Add({{"kind", std::string(kind)}}, by_topic ? 1 : 0);
  std::move(aggregated).AppendTo(out);
}

}  // namespace atl
