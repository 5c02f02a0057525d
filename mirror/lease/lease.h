// The lease under which this region accepts records in `lease` mode (replication.md section 2):
// what etcd granted, measured on our own monotonic clock, and which topics were claimed under it.
//
// The rule that fences: a lease counts from the moment its request was *sent*, and ends a tenth of
// its time before etcd can give it to somebody else. So whoever was paused, partitioned from etcd
// or has a slow clock stops accepting before another region may begin; the calendar's clock has no
// say. A lost lease takes all claims with it: every topic is claimed anew, and a higher epoch that
// was claimed meanwhile wins.
// Thread-safe, a leaf lock; Holds is asked on the append path: no allocation, no call out but the
// clock.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/hash_map.h"
#include "base/mutex.h"
#include "base/types.h"
#include "base/uuid.h"

namespace atl::mirror {

struct TopicClaim {
  TopicId topic;
  LeaderEpoch epoch;
  friend bool operator==(const TopicClaim&, const TopicClaim&) = default;
};

struct LeaseStatus {
  bool held = false;
  std::optional<Duration> left;  // While held.
  std::string reason;            // Not held: why, as far as known.
  size_t topics = 0;             // Claimed under it.
  uint64_t lost = 0;             // Times it was lost since the start.
};

class OwnerLease {
 public:
  // `clock` outlives this.
  explicit OwnerLease(const Clock& clock) : clock_(clock) {}

  // --- The keeper ---
  // etcd granted or prolonged the lease by `ttl`; the request left at `sent_at`. An answer that
  // comes too late to matter changes nothing.
  void OnKept(MonotonicTime sent_at, Duration ttl);
  // It is gone at etcd.
  void OnLost(std::string reason);
  // It could not be prolonged; it runs out by itself unless a later try succeeds.
  void OnTrouble(std::string reason);
  // Durable at etcd.
  void OnClaimed(const TopicClaim& claim);
  // This region owns no other topics: claims beside `wanted` end.
  void Keep(const std::vector<TopicClaim>& wanted);
  bool HasOthers(const std::vector<TopicClaim>& wanted) const;
  // What of `wanted` is not claimed.
  std::vector<TopicClaim> Missing(const std::vector<TopicClaim>& wanted) const;

  // --- Anybody ---
  // May a record be accepted, or its acceptance be acknowledged, for this topic at this epoch, now?
  bool Holds(const TopicId& topic, LeaderEpoch epoch) const;
  LeaseStatus status() const;

 private:
  const Clock& clock_;
  mutable Mutex mutex_;
  std::optional<MonotonicTime> until_ ABSL_GUARDED_BY(mutex_);
  HashMap<TopicId, LeaderEpoch> claims_ ABSL_GUARDED_BY(mutex_);
  std::string reason_ ABSL_GUARDED_BY(mutex_) = "not granted yet";
  uint64_t lost_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace atl::mirror
