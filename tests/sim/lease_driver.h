// Keeps a region's lease in the simulation: what mirror/lease/lease_keeper.cc does with a reactor
// and HTTP, done by events of the simulated world, in the same order with the same pauses. The
// lease, and what is claimed and released when, are the product's. One per region's process.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "mirror/lease/claims.h"
#include "mirror/lease/lease.h"
#include "tests/sim/etcd.h"
#include "tests/sim/network.h"
#include "tests/sim/region.h"

namespace atl::sim {

class LeaseDriver {
 public:
  LeaseDriver(World& world, Network& network, Etcd& etcd, Region& self, Duration ttl);

  void Start();
  // The region stops in order.
  void GiveBack();

 private:
  using Next = std::function<void()>;
  using Done = std::function<void(const Status&)>;
  template <class Answer>
  void Ask(std::function<StatusOr<Answer>(Etcd&)> ask,
           std::function<void(StatusOr<Answer>)> answered);
  void After(Duration here, Next what);

  void Keep();
  void Acquire(const Next& next);
  void Enter(int64_t lease, MonotonicTime sent_at, const Next& next);
  void Prolong(const Next& next);
  void OnKept(MonotonicTime sent_at);
  void OnLost(std::string reason);
  void NoteLost();

  void Follow();
  void Settle(const std::vector<mirror::TopicClaim>& wanted);
  void OnRows(mirror::ClaimRows rows, const std::vector<mirror::TopicClaim>& wanted,
              const Done& done);
  mirror::ClaimPlan Plan(mirror::ClaimRows& rows,
                         const std::vector<mirror::TopicClaim>& wanted) const;
  void Claim(const std::shared_ptr<const mirror::ClaimPlan>& plan, size_t at, int64_t lease_id,
             const Done& done);
  void Release(const mirror::EtcdSwap& release, const Done& done);

  mirror::OwnerLease& lease() { return self_.process().lease; }
  MonotonicTime Now() const { return self_.lease_clock().Now(); }

  World& world_;
  Network& network_;
  Etcd& etcd_;
  Region& self_;
  const Duration ttl_;
  const mirror::Claims claims_;
  int64_t lease_id_ = 0;    // 0: none.
  int64_t settled_by_ = 0;  // The lease under which the rows were compared with what is wanted.
  bool held_ = false;       // At the last look.
  MonotonicTime looked_at_{};
};

}  // namespace atl::sim
