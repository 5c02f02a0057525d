#include "tests/sim/history.h"

#include <algorithm>
#include <utility>

namespace atl::sim {

const History::Batch* History::Find(const BatchKey& key) const {
  const auto found = batches_.find(key);
  return found == batches_.end() ? nullptr : &found->second;
}

void History::Add(const BatchKey& key, Batch batch) {
  end_ = std::max(end_, batch.end);
  batches_.emplace(key, std::move(batch));
}

const std::vector<History::Spot>& History::SpotsOf(const std::string& value) const {
  static const std::vector<Spot> kNowhere;
  const auto found = spots_.find(value);
  return found == spots_.end() ? kNowhere : found->second;
}

bool History::Has(const Tip& tip, const BatchKey& key) const {
  Tip at = tip;
  while (at && at->base > key.base) at = batches_.at(*at).before;
  return at == key;
}

std::set<BatchKey> History::Path(const Tip& tip) const {
  std::set<BatchKey> path;
  for (Tip at = tip; at; at = batches_.at(*at).before) path.insert(*at);
  return path;
}

std::vector<BatchKey> History::Beyond(const Tip& tip, Offset offset) const {
  std::vector<BatchKey> beyond;
  for (Tip at = tip; at && batches_.at(*at).end > offset; at = batches_.at(*at).before) {
    beyond.push_back(*at);
  }
  return beyond;
}

History::Tip History::Below(const Tip& tip, Offset offset) const {
  Tip at = tip;
  while (at && batches_.at(*at).end > offset) at = batches_.at(*at).before;
  return at;
}

std::optional<MonotonicTime> History::OldestBeyond(const Tip& tip, Offset offset) const {
  std::optional<MonotonicTime> oldest;
  for (const BatchKey& key : Beyond(tip, offset)) {
    const MonotonicTime visible = batches_.at(key).visible;
    oldest = std::min(oldest.value_or(visible), visible);
  }
  return oldest;
}

Offset History::EndOf(RegionOrdinal owner, LeaderEpoch from, LeaderEpoch below) const {
  Offset end{0};
  for (const auto& [key, batch] : batches_) {
    const bool counts = key.epoch >= from && key.epoch < below && key.epoch.owner() == owner;
    if (counts) end = std::max(end, batch.end);
  }
  return end;
}

}  // namespace atl::sim
