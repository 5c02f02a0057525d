#include "mirror/lease/claims.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <span>
#include <utility>

namespace atl::mirror {
namespace {

// etcd's own limit is 128 operations.
constexpr size_t kMostPerSwap = 60;

std::string Print(LeaderEpoch epoch, RegionOrdinal owner) {
  return fmt::format("{} {}", epoch.value(), owner.value());
}

ClaimRows::Row ParseRow(const EtcdValue& from) {
  const char* const end = from.value.data() + from.value.size();
  int32_t epoch = 0;
  int32_t owner = 0;
  auto parsed = std::from_chars(from.value.data(), end, epoch);
  const bool space = parsed.ec == std::errc() && parsed.ptr != end && *parsed.ptr == ' ';
  if (space) parsed = std::from_chars(parsed.ptr + 1, end, owner);
  // Not ours to guess: nobody claims such a topic.
  const bool good = space && parsed.ec == std::errc() && parsed.ptr == end;
  return {.epoch = LeaderEpoch(good ? epoch : INT32_MAX),
          .owner = RegionOrdinal(owner),
          .revision = from.mod_revision};
}

}  // namespace

std::string Claims::RegionKey(RegionOrdinal region) const {
  return fmt::format("{}/region/{}", prefix_, region.value());
}

std::string Claims::TopicKey(const TopicId& topic) const {
  return fmt::format("{}/topic/{}", prefix_, topic.ToString());
}

EtcdSwap Claims::Enter(int64_t lease, std::string instance) const {
  EtcdSwap swap;
  swap.expect.push_back({RegionKey(region_), 0});
  swap.put.push_back({RegionKey(region_), std::move(instance), lease});
  return swap;
}

ClaimRows Claims::Parse(const std::vector<EtcdValue>& values) const {
  ClaimRows rows;
  for (const EtcdValue& value : values) {
    if (value.key.starts_with(prefix_ + "/region/")) {
      rows.regions[value.key] = value.mod_revision;
    } else {
      rows.topics[value.key] = ParseRow(value);
    }
  }
  return rows;
}

std::vector<TopicClaim> Claims::Wanted(const broker::CatalogView& view) const {
  std::vector<TopicClaim> wanted;
  for (const auto& [id, topic] : view.by_id) {
    const bool ours = topic->owner == region_ && !topic->is_mirror() && !topic->frozen;
    if (ours) wanted.push_back({id, topic->epoch});
  }
  return wanted;
}

// What must hold for this region to take the topic, as part of a transaction.
Status Claims::TakeOne(const ClaimRows& rows, const TopicClaim& claim, EtcdSwap& swap) const {
  const std::string key = TopicKey(claim.topic);
  const auto found = rows.topics.find(key);
  const ClaimRows::Row row = found == rows.topics.end() ? ClaimRows::Row{} : found->second;
  const bool free = row.revision == 0 || row.owner == kForeignRegion;
  const bool ours = row.owner == region_;
  if (row.epoch > claim.epoch || (row.epoch == claim.epoch && !free && !ours)) {
    return FailedPrecondition("topic id {} was claimed by region {} at epoch {}, not below {}",
                              claim.topic.ToString(), row.owner.value(), row.epoch.value(),
                              claim.epoch.value());
  }
  if (!free && !ours) {
    if (rows.regions.contains(RegionKey(row.owner))) {
      return Unavailable("region {} still holds its lease, and topic id {} under it",
                         row.owner.value(), claim.topic.ToString());
    }
    swap.expect.push_back({RegionKey(row.owner), 0});
  }
  swap.expect.push_back({key, row.revision});
  swap.put.push_back({key, Print(claim.epoch, region_), 0});
  return OkStatus();
}

ClaimPlan Claims::Take(const ClaimRows& rows, const std::vector<TopicClaim>& missing) const {
  ClaimPlan plan;
  const auto own = rows.regions.find(RegionKey(region_));
  if (own == rows.regions.end()) {
    plan.refused = Unavailable("this region's lease has ended");
    return plan;
  }
  for (size_t at = 0; at < missing.size(); at += kMostPerSwap) {
    ClaimPlan::Step step;
    for (const TopicClaim& claim :
         std::span(missing).subspan(at, std::min(kMostPerSwap, missing.size() - at))) {
      const Status possible = TakeOne(rows, claim, step.swap);
      if (possible.ok()) {
        step.claims.push_back(claim);
      } else {
        plan.refused = possible;
      }
    }
    if (step.claims.empty()) continue;
    step.swap.expect.push_back({RegionKey(region_), own->second});
    plan.steps.push_back(std::move(step));
  }
  return plan;
}

EtcdSwap Claims::Release(const ClaimRows& rows, const std::vector<TopicClaim>& wanted) const {
  std::set<std::string> ours;
  for (const TopicClaim& claim : wanted) ours.insert(TopicKey(claim.topic));
  EtcdSwap swap;
  for (const auto& [key, row] : rows.topics) {
    if (row.owner != region_ || ours.contains(key)) continue;
    swap.expect.push_back({key, row.revision});
    swap.put.push_back({key, Print(row.epoch, kForeignRegion), 0});
    if (swap.put.size() == kMostPerSwap) break;  // The next round has the rest.
  }
  return swap;
}

}  // namespace atl::mirror
