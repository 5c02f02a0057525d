// Keeps this region's lease at etcd and claims its topics under it (`lease` mode). The rows there
// and the rules for them: claims.h.
//
// A region accepts for a topic while its lease runs (lease.h) and the topic's row names it at its
// epoch. What it wants is what its catalogue says it owns; what it no longer owns it releases. So a
// promotion needs no words here: the new owner has its new epoch and tries until the row is its
// own. That is one transaction which requires the former owner to have released the topic or its
// region key to be gone, and the row to be as it was read; a region that gets a new lease claims
// every topic anew, after its region key is back. Either the successor's transaction comes first,
// and the former owner finds a higher epoch, or it fails.
//
// Runs on a reactor of its own: nothing else may delay a keep-alive.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "core-broker/catalog/catalog.h"
#include "mirror/lease/claims.h"
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

 private:
  runtime::awaitable<void> Keep();
  runtime::awaitable<void> Acquire();
  runtime::awaitable<void> Prolong();
  runtime::awaitable<void> Follow();
  runtime::awaitable<void> GiveBack();
  // Makes the rows say what is wanted. kUnavailable: not all of it yet.
  runtime::awaitable<Status> Settle(std::vector<TopicClaim> wanted);
  runtime::awaitable<Status> ClaimMissing(ClaimPlan plan);
  runtime::awaitable<Status> ReleaseOthers(EtcdSwap release);

  const Options options_;
  const Claims claims_;
  OwnerLease& lease_;
  const broker::Catalog& catalog_;
  const Clock& clock_;
  runtime::Reactor reactor_;
  runtime::TaskGroup group_;
  EtcdClient etcd_;

  // On the reactor.
  int64_t lease_id_ = 0;    // 0: none.
  int64_t settled_by_ = 0;  // The lease under which the rows were compared with what is wanted.
};

}  // namespace atl::mirror
