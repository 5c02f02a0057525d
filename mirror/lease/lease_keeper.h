// Keeps this region's lease at etcd and claims its topics under it (`lease` mode).
//
//   PREFIX/region/ORDINAL   attached to the lease: there as long as that region may accept records
//   PREFIX/topic/TOPICID    "EPOCH ORDINAL": who accepts, under which epoch; ordinal 0: released.
//                           Stays when leases end, so that a former owner that comes back learns
//                           from it that it was succeeded
//
// A region accepts for a topic while its lease runs (lease.h) and the topic's row names it at its
// epoch. Another region takes the topic with one transaction that requires the former owner's
// region key to be gone and the row to be as it was read; a region that gets a new lease claims
// every topic anew, after its region key is back. So either the successor's transaction comes
// first, and the former owner finds a higher epoch, or it fails.
//
// Runs on a reactor of its own: nothing else may delay a keep-alive. Claim and Release block and
// may be called from any other thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "core-broker/catalog/catalog.h"
#include "mirror/lease/etcd_client.h"
#include "mirror/lease/lease.h"
#include "runtime/reactor.h"
#include "runtime/task_group.h"

namespace atl::mirror {

class LeaseKeeper {
 public:
  struct Options {
    std::vector<EtcdEndpoint> endpoints;
    std::string prefix;  // "/atoll"
    Duration ttl{};
    RegionOrdinal region;
    std::string instance;  // Of this process, for people who look into etcd.
  };
  // `lease`, `catalog` and `clock` outlive this.
  LeaseKeeper(Options options, OwnerLease& lease, const broker::Catalog& catalog,
              const Clock& clock);
  ~LeaseKeeper();

  void Start();
  // Gives the lease back, so that a restart or another region need not wait for its end.
  void Stop();

  // A promotion: takes these topics from whoever has them, each at an epoch above its last one.
  // Waits until the former owner's lease has certainly ended or it released them. On OK this region
  // may accept for them under these epochs. kFailedPrecondition: a higher epoch was claimed;
  // kDeadlineExceeded: names whose lease still runs. Parts of it may have been claimed then.
  Status Claim(const std::vector<TopicClaim>& claims, Duration deadline);
  // The former owner of a planned move: stops accepting for these topics at once, for good.
  Status Release(const std::vector<TopicId>& topics, Duration deadline);

 private:
  struct Row {
    LeaderEpoch epoch = kNoEpoch;
    RegionOrdinal owner;
    int64_t revision = 0;  // 0: there is none.
  };
  // Everything below the prefix, as of one revision of etcd.
  struct Rows {
    std::map<std::string, Row> topics;       // By key.
    std::map<std::string, int64_t> regions;  // Revision by key.
  };

  runtime::awaitable<void> Keep();
  runtime::awaitable<void> Acquire();
  runtime::awaitable<void> Prolong();
  runtime::awaitable<void> ClaimOwn();
  runtime::awaitable<void> GiveBack();
  runtime::awaitable<StatusOr<Rows>> Read();
  runtime::awaitable<Status> ClaimUntil(std::vector<TopicClaim> claims, MonotonicTime until);
  // kUnavailable: try again.
  runtime::awaitable<Status> TryClaim(std::vector<TopicClaim> claims, bool from_others);
  runtime::awaitable<Status> ReleaseUntil(std::vector<TopicId> topics, MonotonicTime until);
  runtime::awaitable<Status> TryRelease(std::vector<TopicId> topics);
  Status Plan(const Rows& rows, const TopicClaim& claim, bool from_others, EtcdSwap& swap) const;

  std::string RegionKey(RegionOrdinal region) const;
  std::string TopicKey(const TopicId& topic) const;

  const Options options_;
  OwnerLease& lease_;
  const broker::Catalog& catalog_;
  const Clock& clock_;
  runtime::Reactor reactor_;
  runtime::TaskGroup group_;
  EtcdClient etcd_;

  // On the reactor.
  int64_t lease_id_ = 0;  // 0: none.
};

}  // namespace atl::mirror
