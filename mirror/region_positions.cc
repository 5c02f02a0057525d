#include "mirror/region_positions.h"

#include <utility>

#include "base/partition_family.h"

namespace atl::mirror {
namespace {

PositionBook::Knows KnownIn(const broker::Catalog& catalog) {
  return [&catalog](const TopicId& topic, PartitionId partition) {
    const auto found = catalog.view()->Find(topic);
    return found != nullptr && static_cast<size_t>(partition.value()) < found->partitions.size();
  };
}

}  // namespace

RegionPositions::RegionPositions(const Links& links, const broker::Catalog& catalog,
                                 ControlPlane& plane, Metrics& metrics, const Clock& clock,
                                 size_t most_series)
    : links_(links),
      catalog_(catalog),
      plane_(plane),
      most_series_(most_series),
      book_(KnownIn(catalog), clock) {
  collector_ = metrics.AddCollector([this](std::vector<MetricFamily>& out) { Collect(out); });
}

RegionPositions::~RegionPositions() { collector_.reset(); }

void RegionPositions::Join(ControlRooms& rooms) {
  rooms.OnConnected([this](const Hello& hello) {
    book_.Connected(hello.region);
    news_[hello.region].Forget();
  });
  rooms.OnDisconnected([this](const RegionName& peer) {
    book_.Disconnected(peer);
    news_.erase(peer);
  });
  rooms.OnMessage<MirrorPositions>(
      [this](const RegionName& peer, const MirrorPositions& positions) {
        book_.Take(peer, positions);
      });
  rooms.Every(kSayEvery, [this] { Say(); });
}

void RegionPositions::Say() {
  for (auto& [source, news] : news_) {
    for (const MirrorPositions& message : news.Changes(RowsOf(source)))
      (void)plane_.Send(source, message);  // Lost with its connection, which then says all again.
  }
}

std::vector<MirrorPositions::Row> RegionPositions::RowsOf(const RegionName& source) const {
  const auto view = catalog_.view();
  std::vector<MirrorPositions::Row> rows;
  for (const auto& link : links_.all()) {
    if (link->config().source.region != source) continue;
    for (const auto snapshot = link->snapshot(); const MirrorRow& row : snapshot->sample.rows) {
      if (!row.applied_end) continue;
      const auto topic = view->Find(row.topic_id);
      const LeaderEpoch epoch = topic == nullptr ? kNoEpoch : topic->epoch;
      rows.push_back({row.topic_id, row.partition, *row.applied_end, epoch});
    }
  }
  return rows;
}

// Only of connected regions: a position that may be long overtaken would look like a fact.
void RegionPositions::Collect(std::vector<MetricFamily>& out) {
  const std::vector<PositionBook::Region> regions = book_.regions();
  size_t rows = 0;
  for (const PositionBook::Region& region : regions) rows += region.rows.size();
  const bool by_topic = rows > most_series_;
  PartitionFamily applied("atoll_region_applied_offset",
                          "Applied end of another region's mirror, as that region says.",
                          PartitionFamily::Join::kSum, by_topic);
  const auto view = catalog_.view();
  for (const PositionBook::Region& region : regions) {
    if (region.lost) continue;
    for (const PositionBook::Row& row : region.rows) {
      const auto topic = view->Find(row.topic);
      if (topic == nullptr || topic->frozen) continue;
      applied.Add({{"region", region.region.value()}, {"topic", topic->name.value()}},
                  row.partition, static_cast<double>(row.applied_end.value()));
    }
  }
  std::move(applied).AppendTo(out);
  AppendAggregated("region", by_topic, out);
}

}  // namespace atl::mirror
