#include "base/metrics.h"

#include <prometheus/registry.h>

#include <utility>

#include "base/metrics_text.h"

namespace atl {
namespace {

// From an append to memory to the worst of disks.
const prometheus::Histogram::BucketBoundaries kSecondsBuckets{
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
    0.05,   0.1,     0.25,   0.5,   1,      2.5,   5,    10};

// Several collectors may give one family (each link its own lag); the text format wants it once.
void MergeFamilies(std::vector<MetricFamily>& families) {
  std::map<std::string, MetricFamily> by_name;
  for (MetricFamily& family : families) {
    auto& series =
        by_name.try_emplace(family.name, MetricFamily{family.name, family.help, family.type, {}})
            .first->second.metric;
    std::move(family.metric.begin(), family.metric.end(), std::back_inserter(series));
  }
  families.clear();
  for (auto& [name, family] : by_name) families.push_back(std::move(family));
}

}  // namespace

// The lock is held while the collector runs, so that its owner can be destroyed as soon as the
// handle is gone.
struct Metrics::CollectorSlot {
  Mutex mutex;
  Collector collector ABSL_GUARDED_BY(mutex);
};

Metrics::Metrics()
    : registry_(
          std::make_unique<prometheus::Registry>(prometheus::Registry::InsertBehavior::Merge)) {}
Metrics::~Metrics() = default;

Counter& Metrics::GetCounter(const std::string& name, const std::string& help,
                             const Labels& labels) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(*registry_).Add(labels);
}

Gauge& Metrics::GetGauge(const std::string& name, const std::string& help, const Labels& labels) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(*registry_).Add(labels);
}

Histogram& Metrics::GetHistogram(const std::string& name, const std::string& help,
                                 const Labels& labels, std::vector<double> buckets) {
  auto& family = prometheus::BuildHistogram().Name(name).Help(help).Register(*registry_);
  return family.Add(labels, buckets.empty() ? kSecondsBuckets : std::move(buckets));
}

std::shared_ptr<void> Metrics::AddCollector(Collector collector) {
  auto slot = std::make_shared<CollectorSlot>();
  {
    MutexLock lock(&slot->mutex);
    slot->collector = std::move(collector);
  }
  {
    MutexLock lock(&mutex_);
    std::erase_if(collectors_, [](const auto& other) { return other.expired(); });
    collectors_.push_back(slot);
  }
  void* const handle = slot.get();
  return std::shared_ptr<void>(handle, [slot = std::move(slot)](void*) {
    MutexLock lock(&slot->mutex);
    slot->collector = nullptr;
  });
}

std::vector<MetricFamily> Metrics::Collect() const {
  std::vector<MetricFamily> families = registry_->Collect();
  std::vector<std::shared_ptr<CollectorSlot>> slots;
  {
    MutexLock lock(&mutex_);
    for (const auto& slot : collectors_) {
      if (auto alive = slot.lock()) slots.push_back(std::move(alive));
    }
  }
  for (const auto& slot : slots) {
    MutexLock lock(&slot->mutex);
    if (slot->collector) slot->collector(families);
  }
  MergeFamilies(families);
  return families;
}

std::string Metrics::Text() const { return MetricsText(Collect()); }

FamilyBuilder::FamilyBuilder(std::string name, std::string help, prometheus::MetricType type)
    : family_{std::move(name), std::move(help), type, {}} {}

void FamilyBuilder::Add(const Labels& labels, double value) {
  prometheus::ClientMetric& series = family_.metric.emplace_back();
  for (const auto& [name, label] : labels) series.label.push_back({name, label});
  if (family_.type == prometheus::MetricType::Counter) {
    series.counter.value = value;
  } else {
    series.gauge.value = value;
  }
}

void FamilyBuilder::AppendTo(std::vector<MetricFamily>& out) && {
  if (!family_.metric.empty()) out.push_back(std::move(family_));
}

}  // namespace atl
