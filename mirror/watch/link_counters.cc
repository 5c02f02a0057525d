#include "mirror/watch/link_counters.h"

#include <algorithm>
#include <utility>

namespace atl::mirror {
namespace {

// Replication takes milliseconds, or hours after an outage.
const prometheus::Histogram::BucketBoundaries kSecondsBuckets{
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600};

template <class Families, class... Arguments>
auto GetOf(Families& families, const std::string& name, const std::string& help,
           const Labels& labels, Arguments&&... arguments) {
  auto& family = families.try_emplace(name).first->second;
  if (family.help.empty()) family.help = help;
  auto& series = family.series[labels];
  using Metric = typename std::decay_t<decltype(series)>::element_type;
  if (series == nullptr) series = std::make_shared<Metric>(std::forward<Arguments>(arguments)...);
  return series;
}

template <class Families>
void ForgetOf(Families& families, const Labels& labels) {
  for (auto& [name, family] : families) {
    std::erase_if(family.series, [&labels](const auto& entry) {
      return std::ranges::includes(entry.first, labels);
    });
  }
}

template <class Families>
void CollectOf(const Families& families, prometheus::MetricType type,
               std::vector<MetricFamily>& out) {
  for (const auto& [name, family] : families) {
    if (family.series.empty()) continue;
    MetricFamily& collected = out.emplace_back(MetricFamily{name, family.help, type, {}});
    for (const auto& [labels, series] : family.series) {
      prometheus::ClientMetric& metric = collected.metric.emplace_back(series->Collect());
      for (const auto& [label, value] : labels) metric.label.push_back({label, value});
    }
  }
}

}  // namespace

LinkCounters::LinkCounters(Metrics& metrics)
    : collector_(metrics.AddCollector([this](std::vector<MetricFamily>& out) { Collect(out); })) {}

LinkCounters::~LinkCounters() { collector_.reset(); }

std::shared_ptr<Counter> LinkCounters::GetCounter(const std::string& name, const std::string& help,
                                                  const Labels& labels) {
  MutexLock lock(&mutex_);
  return GetOf(counters_, name, help, labels);
}

std::shared_ptr<Gauge> LinkCounters::GetGauge(const std::string& name, const std::string& help,
                                              const Labels& labels) {
  MutexLock lock(&mutex_);
  return GetOf(gauges_, name, help, labels);
}

std::shared_ptr<Histogram> LinkCounters::GetHistogram(const std::string& name,
                                                      const std::string& help,
                                                      const Labels& labels) {
  MutexLock lock(&mutex_);
  return GetOf(histograms_, name, help, labels, kSecondsBuckets);
}

std::shared_ptr<Counter> LinkCounters::ErrorsOf(const LinkName& link, std::string_view stage,
                                                std::string_view error) {
  return GetCounter(
      "atoll_mirror_errors_total", "Errors of links, by what was being done.",
      {{"link", link.value()}, {"stage", std::string(stage)}, {"error", std::string(error)}});
}

void LinkCounters::Forget(const Labels& labels) {
  MutexLock lock(&mutex_);
  ForgetOf(counters_, labels);
  ForgetOf(gauges_, labels);
  ForgetOf(histograms_, labels);
}

void LinkCounters::Collect(std::vector<MetricFamily>& out) const {
  MutexLock lock(&mutex_);
  CollectOf(counters_, prometheus::MetricType::Counter, out);
  CollectOf(gauges_, prometheus::MetricType::Gauge, out);
  CollectOf(histograms_, prometheus::MetricType::Histogram, out);
}

}  // namespace atl::mirror
