#include "mirror/lease/lease.h"

#include <algorithm>
#include <utility>

namespace atl::mirror {
namespace {

// Of a lease: for clocks that run at different speeds, here and at etcd.
constexpr int kMarginShare = 10;

}  // namespace

void OwnerLease::OnKept(MonotonicTime sent_at, Duration ttl) {
  const MonotonicTime until = sent_at + ttl - ttl / kMarginShare;
  MutexLock lock(&mutex_);
  until_ = until_ ? std::max(*until_, until) : until;
  reason_.clear();
}

void OwnerLease::OnLost(std::string reason) {
  MutexLock lock(&mutex_);
  if (until_) ++lost_;
  until_.reset();
  claims_.clear();
  reason_ = std::move(reason);
}

void OwnerLease::OnTrouble(std::string reason) {
  MutexLock lock(&mutex_);
  reason_ = std::move(reason);
}

void OwnerLease::OnClaimed(const TopicClaim& claim) {
  MutexLock lock(&mutex_);
  if (until_) claims_[claim.topic] = claim.epoch;
}

void OwnerLease::Keep(const std::vector<TopicClaim>& wanted) {
  MutexLock lock(&mutex_);
  HashMap<TopicId, LeaderEpoch> kept;
  for (const TopicClaim& claim : wanted) {
    const auto found = claims_.find(claim.topic);
    if (found != claims_.end()) kept.emplace(*found);
  }
  claims_.swap(kept);
}

bool OwnerLease::HasOthers(const std::vector<TopicClaim>& wanted) const {
  MutexLock lock(&mutex_);
  const auto claimed = std::ranges::count_if(
      wanted, [this](const TopicClaim& claim) { return claims_.contains(claim.topic); });
  return static_cast<size_t>(claimed) < claims_.size();
}

std::vector<TopicClaim> OwnerLease::Missing(const std::vector<TopicClaim>& wanted) const {
  std::vector<TopicClaim> missing;
  MutexLock lock(&mutex_);
  for (const TopicClaim& claim : wanted) {
    const auto found = claims_.find(claim.topic);
    if (found == claims_.end() || found->second != claim.epoch) missing.push_back(claim);
  }
  return missing;
}

bool OwnerLease::Holds(const TopicId& topic, LeaderEpoch epoch) const {
  MutexLock lock(&mutex_);
  if (!until_ || clock_.Now() >= *until_) return false;
  const auto found = claims_.find(topic);
  return found != claims_.end() && found->second == epoch;
}

LeaseStatus OwnerLease::status() const {
  MutexLock lock(&mutex_);
  LeaseStatus status;
  status.lost = lost_;
  status.topics = claims_.size();
  const MonotonicTime now = clock_.Now();
  status.held = until_ && now < *until_;
  if (status.held) status.left = *until_ - now;
  status.reason = !status.held && reason_.empty() ? "it ran out and was not prolonged" : reason_;
  return status;
}

}  // namespace atl::mirror
