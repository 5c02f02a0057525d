// What the catalogue does without being asked: the tick on every shard, and the metrics of all
// partitions.
#include <algorithm>
#include <optional>

#include "base/partition_family.h"
#include "core-broker/catalog/catalog.h"
#include "core-broker/catalog/shard_work.h"
#include "core-broker/catalog/topic_order.h"

namespace atl::broker {
namespace {

constexpr Duration kRetentionEvery = std::chrono::seconds(10);
// Saves of one shard's round: each may sync a file, and appends wait behind them.
constexpr int kSavesPerRound = 8;

}  // namespace

class Catalog::TickJob final : public runtime::ShardJob {
 public:
  struct Item {
    std::shared_ptr<Partition> partition;
    bool retention;
  };
  TickJob(std::vector<Item> items, std::shared_ptr<std::atomic<int>> ticking)
      : items_(std::move(items)), ticking_(std::move(ticking)) {}

  void Run(runtime::ShardTurn&) override {
    int saves = 0;
    for (const Item& item : items_) {
      if (item.partition->Tick(item.retention, saves < kSavesPerRound)) ++saves;
    }
  }
  void Complete() override { ticking_->fetch_sub(1); }

 private:
  const std::vector<Item> items_;
  const std::shared_ptr<std::atomic<int>> ticking_;
};

void Catalog::Tick() {
  // A shard that is still busy with the last round gets no second one behind it.
  if (ticking_->load() > 0) return;
  const MonotonicTime now = context_.clock.Now();
  const bool retention = now >= next_retention_;
  if (retention) next_retention_ = now + kRetentionEvery;
  std::vector<std::vector<TickJob::Item>> items(static_cast<size_t>(shards_.size()));
  for (const auto& [id, topic] : InOrder(*view())) {
    const bool trims = retention && !topic->is_mirror() && !topic->frozen;
    for (const auto& partition : topic->partitions) {
      items[static_cast<size_t>(ShardOf(*partition))].push_back({partition, trims});
    }
  }
  ticking_->store(shards_.size());
  for (int shard = 0; shard < shards_.size(); ++shard) {
    shards_.Post(shard,
                 std::make_unique<TickJob>(std::move(items[static_cast<size_t>(shard)]), ticking_));
  }
}

int64_t Catalog::NextProducerCounter() const {
  std::vector<std::vector<std::shared_ptr<Partition>>> partitions(
      static_cast<size_t>(shards_.size()));
  for (const auto now = view(); const auto& [id, topic] : now->by_id) {
    for (const auto& partition : topic->partitions) {
      partitions[static_cast<size_t>(ShardOf(*partition))].push_back(partition);
    }
  }
  std::vector<int64_t> highest(partitions.size(), -1);
  {
    ShardWork work(shards_);
    for (size_t shard = 0; shard < partitions.size(); ++shard) {
      work.Post(static_cast<int>(shard), [&, shard] {
        for (const auto& partition : partitions[shard]) {
          highest[shard] = std::max(highest[shard], partition->HighestProducerOf(options_.region));
        }
      });
    }
  }
  return *std::ranges::max_element(highest) + 1;
}

namespace {

// What clients wrote and read, by topic.
class TrafficFamilies {
 public:
  void Add(const Topic& topic) {
    int64_t sums[4] = {};
    for (const auto& partition : topic.partitions) {
      const PartitionTraffic& traffic = partition->traffic();
      sums[0] += traffic.produced_records;
      sums[1] += traffic.produced_bytes;
      sums[2] += traffic.consumed_records;
      sums[3] += traffic.consumed_bytes;
    }
    const Labels labels{{"topic", topic.name.value()}};
    for (size_t i = 0; i < 4; ++i) families_[i].Add(labels, static_cast<double>(sums[i]));
  }
  void AppendTo(std::vector<MetricFamily>& out) && {
    for (FamilyBuilder& family : families_) std::move(family).AppendTo(out);
  }

 private:
  static constexpr auto kCounter = prometheus::MetricType::Counter;
  FamilyBuilder families_[4] = {
      {"atoll_topic_produced_records_total", "Records taken from producers", kCounter},
      {"atoll_topic_produced_bytes_total", "Bytes of batches taken from producers", kCounter},
      {"atoll_topic_consumed_records_total",
       "Offsets handed to consumers and to mirrors in other regions", kCounter},
      {"atoll_topic_consumed_bytes_total",
       "Bytes of batches handed to consumers and to mirrors in other regions", kCounter}};
};

}  // namespace

void Catalog::CollectMetrics(std::vector<MetricFamily>& out) const {
  const auto now = view();
  size_t partitions = 0;
  for (const auto& [name, topic] : now->by_name) partitions += topic->partitions.size();
  const bool by_topic = partitions > options_.partition_series;
  constexpr auto kSum = PartitionFamily::Join::kSum;
  PartitionFamily start("atoll_partition_log_start_offset", "First offset that can be read", kSum,
                        by_topic);
  PartitionFamily high("atoll_partition_high_watermark_offset", "End of what consumers may read",
                       kSum, by_topic);
  PartitionFamily stable("atoll_partition_last_stable_offset",
                         "End of what read_committed consumers may read", kSum, by_topic);
  PartitionFamily bytes("atoll_partition_size_bytes", "Bytes of the partition's log on disk", kSum,
                        by_topic);
  TrafficFamilies traffic;
  for (const auto& [name, topic] : now->by_name) {
    traffic.Add(*topic);
    const Labels labels{{"topic", name.value()}};
    for (const auto& partition : topic->partitions) {
      const PartitionId id = partition->identity().partition;
      const PartitionOffsets offsets = partition->offsets();
      const bool known = offsets.high_watermark != kNoOffset;  // Else it was never opened.
      const auto number = [known](int64_t value) {
        return known ? std::optional(static_cast<double>(value)) : std::nullopt;
      };
      start.Add(labels, id, number(offsets.log_start.value()));
      high.Add(labels, id, number(offsets.high_watermark.value()));
      stable.Add(labels, id, number(offsets.last_stable.value()));
      bytes.Add(labels, id, number(partition->size_bytes().value()));
    }
  }
  std::move(start).AppendTo(out);
  std::move(high).AppendTo(out);
  std::move(stable).AppendTo(out);
  std::move(bytes).AppendTo(out);
  std::move(traffic).AppendTo(out);
  AppendAggregated("partition", by_topic, out);
}

}  // namespace atl::broker
