// What is counted about links and their topics. Unlike what base/metrics.h registers, a series
// vanishes with its link or topic (Forget), and whoever still holds it may go on counting into the
// void. The same name and labels give the same series while it is there.
// Thread-safe: a leaf lock; a holder counts without it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/metrics.h"
#include "base/mutex.h"
#include "base/types.h"

namespace atl::mirror {

class LinkCounters {
 public:
  explicit LinkCounters(Metrics& metrics);  // Outlives this.
  ~LinkCounters();

  std::shared_ptr<Counter> GetCounter(const std::string& name, const std::string& help,
                                      const Labels& labels);
  std::shared_ptr<Gauge> GetGauge(const std::string& name, const std::string& help,
                                  const Labels& labels);
  // Buckets in seconds, from 1 ms to an hour.
  std::shared_ptr<Histogram> GetHistogram(const std::string& name, const std::string& help,
                                          const Labels& labels);
  // atoll_mirror_errors_total: what was being done, and how it failed.
  std::shared_ptr<Counter> ErrorsOf(const LinkName& link, std::string_view stage,
                                    std::string_view error);
  // Every series that carries all of these labels.
  void Forget(const Labels& labels);

 private:
  template <class Metric>
  struct Family {
    std::string help;
    std::map<Labels, std::shared_ptr<Metric>> series;
  };
  template <class Metric>
  using Families = std::map<std::string, Family<Metric>>;

  void Collect(std::vector<MetricFamily>& out) const;

  mutable Mutex mutex_;
  Families<Counter> counters_ ABSL_GUARDED_BY(mutex_);
  Families<Gauge> gauges_ ABSL_GUARDED_BY(mutex_);
  Families<Histogram> histograms_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<void> collector_;  // Goes first.
};

}  // namespace atl::mirror
