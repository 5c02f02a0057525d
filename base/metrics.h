// Metrics, kept by prometheus-cpp. Counters and histograms that code adds to are registered once
// and held by reference; gauges that mirror a state (lag, offsets) are read at scrape time by a
// collector, so that a series vanishes with its topic, group or link by itself. Names: atoll_*,
// base units, _total on counters. Thread-safe.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/metric_family.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"

namespace prometheus {
class Registry;
}

namespace atl {

using Labels = std::map<std::string, std::string>;
using Counter = prometheus::Counter;
using Gauge = prometheus::Gauge;
using Histogram = prometheus::Histogram;
using MetricFamily = prometheus::MetricFamily;

class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // The same name and labels give the same object, which lives as long as this. `help` of the first
  // call counts.
  Counter& GetCounter(const std::string& name, const std::string& help, const Labels& labels = {});
  Gauge& GetGauge(const std::string& name, const std::string& help, const Labels& labels = {});
  // Buckets in seconds, from 100 us to 10 s, unless given.
  Histogram& GetHistogram(const std::string& name, const std::string& help,
                          const Labels& labels = {}, std::vector<double> buckets = {});

  // A collector appends whole families at scrape time; it runs on the scraping thread and takes
  // only leaf locks.
  using Collector = std::function<void(std::vector<MetricFamily>&)>;
  // Removed when the handle is destroyed, which waits for a running scrape: after it, what the
  // collector captured may go. Destroy the handle without holding a lock that the collector takes.
  [[nodiscard]] std::shared_ptr<void> AddCollector(Collector collector);

  // Sorted by name; families of one name from several collectors are one.
  std::vector<MetricFamily> Collect() const;
  // Prometheus text format 0.0.4.
  std::string Text() const;

 private:
  struct CollectorSlot;
  const std::unique_ptr<prometheus::Registry> registry_;  // Has its own lock.
  mutable Mutex mutex_;
  std::vector<std::weak_ptr<CollectorSlot>> collectors_ ABSL_GUARDED_BY(mutex_);
};

// Builds one gauge or counter family for a collector.
class FamilyBuilder {
 public:
  FamilyBuilder(std::string name, std::string help,
                prometheus::MetricType type = prometheus::MetricType::Gauge);
  void Add(const Labels& labels, double value);
  // Appends the family, if it has a series.
  void AppendTo(std::vector<MetricFamily>& out) &&;

 private:
  MetricFamily family_;
};

}  // namespace atl
