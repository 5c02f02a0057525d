#include "mirror/control/positions.h"

#include <utility>

namespace atl::mirror {
namespace {

class Messages {
 public:
  void Add(const MirrorPositions::Row& row) {
    if (messages_.empty() || messages_.back().rows.size() == PositionNews::kRowsPerMessage) {
      messages_.emplace_back();
    }
    messages_.back().rows.push_back(row);
  }
  std::vector<MirrorPositions> Finish() && { return std::move(messages_); }

 private:
  std::vector<MirrorPositions> messages_;
};

}  // namespace

std::vector<MirrorPositions> PositionNews::Changes(const std::vector<MirrorPositions::Row>& rows) {
  ++round_;
  Messages news;
  for (const MirrorPositions::Row& row : rows) {
    std::vector<Said>& topic = said_[row.topic];
    const auto partition = static_cast<size_t>(row.partition.value());
    if (topic.size() <= partition) topic.resize(partition + 1);
    Said& said = topic[partition];
    const bool changed =
        said.round == 0 || said.row.applied_end != row.applied_end || said.row.epoch != row.epoch;
    said = {row, round_};
    if (changed) news.Add(row);
  }
  for (auto topic = said_.begin(); topic != said_.end();) {
    bool any = false;
    for (Said& said : topic->second) {
      any = any || said.round == round_;
      if (said.round == 0 || said.round == round_) continue;
      said.row.applied_end = kNoOffset;
      said.round = 0;
      news.Add(said.row);
    }
    const auto here = topic++;
    if (!any) said_.erase(here);
  }
  return std::move(news).Finish();
}

void PositionBook::Connected(const RegionName& region) {
  MutexLock lock(&mutex_);
  regions_[region] = Known();
}

void PositionBook::Disconnected(const RegionName& region) {
  MutexLock lock(&mutex_);
  regions_[region].lost = clock_.WallNow();
}

void PositionBook::Take(const RegionName& region, const MirrorPositions& positions) {
  MutexLock lock(&mutex_);
  Known& known = regions_[region];
  const WallTime now = clock_.WallNow();
  for (const MirrorPositions::Row& row : positions.rows) {
    const std::pair key{row.topic, row.partition};
    if (row.applied_end == kNoOffset) {
      known.rows.erase(key);
    } else if (knows_(row.topic, row.partition)) {
      known.rows[key] = {row.topic, row.partition, row.applied_end, row.epoch, now};
    }
  }
}

std::vector<PositionBook::Region> PositionBook::regions() {
  MutexLock lock(&mutex_);
  const WallTime now = clock_.WallNow();
  std::erase_if(regions_, [now](const auto& entry) {
    return entry.second.lost && now - *entry.second.lost > kForgetAfter;
  });
  std::vector<Region> regions;
  for (auto& [name, known] : regions_) {
    std::erase_if(known.rows, [this](const auto& entry) {
      return !knows_(entry.second.topic, entry.second.partition);
    });
    Region& region = regions.emplace_back();
    region.region = name;
    region.lost = known.lost;
    for (const auto& [key, row] : known.rows) region.rows.push_back(row);
  }
  return regions;
}

}  // namespace atl::mirror
