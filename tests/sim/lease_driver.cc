#include "tests/sim/lease_driver.h"

#include <algorithm>
#include <utility>

namespace atl::sim {

using mirror::ClaimPlan;
using mirror::ClaimRows;
using mirror::EtcdSwap;
using mirror::kKeepAlivesPerTtl;
using mirror::kLeaseRetry;
using mirror::kLeaseTick;
using mirror::TopicClaim;

LeaseDriver::LeaseDriver(World& world, Network& network, Etcd& etcd, Region& self, Duration ttl)
    : world_(world),
      network_(network),
      etcd_(etcd),
      self_(self),
      ttl_(ttl),
      claims_("/atoll", self.ordinal()) {}

void LeaseDriver::Start() {
  Keep();
  Follow();
}

void LeaseDriver::After(Duration here, Next what) {
  self_.After(self_.lease_clock().ToTrue(here), std::move(what));
}

template <class Answer>
void LeaseDriver::Ask(std::function<StatusOr<Answer>(Etcd&)> ask,
                      std::function<void(StatusOr<Answer>)> answered) {
  const auto finish = self_.Once<Answer>(std::move(answered));
  const int here = self_.ordinal().value();
  network_.Send(here, kEtcd, [=, etcd = &etcd_, network = &network_] {
    StatusOr<Answer> answer = ask(*etcd);
    network->Send(kEtcd, here, [finish, answer = std::move(answer)] { finish(answer); });
  });
  After(ttl_ / kKeepAlivesPerTtl, [finish] { finish(Unavailable("etcd does not answer")); });
}

// --- The lease ---

void LeaseDriver::Keep() {
  NoteLost();
  const MonotonicTime at = Now() + ttl_ / kKeepAlivesPerTtl;
  const Next next = [this, at] {
    const Duration wait = lease_id_ == 0 ? kLeaseRetry : at - Now();
    After(std::max(wait, kLeaseTick), [this] { Keep(); });
  };
  if (lease_id_ == 0) {
    Acquire(next);
  } else {
    Prolong(next);
  }
}

// It held until the region was stopped, and is found to be over.
void LeaseDriver::NoteLost() {
  const bool held = lease().status().held;
  if (held_ && !held) {
    world_.Note("{}: its lease is over", self_.name());
    if (self_.was_paused_since(looked_at_)) world_.Reach(Mark::kLeaseLostPaused);
  }
  held_ = held;
  looked_at_ = world_.clock.Now();
}

void LeaseDriver::Acquire(const Next& next) {
  const MonotonicTime sent_at = Now();
  Ask<int64_t>([ttl = ttl_](Etcd& etcd) { return etcd.GrantLease(ttl); },
               [this, sent_at, next](StatusOr<int64_t> granted) {
                 if (granted.ok()) return Enter(*granted, sent_at, next);
                 lease().OnTrouble(std::string(StatusMessage(granted.status())));
                 next();
               });
}

void LeaseDriver::Enter(int64_t lease_id, MonotonicTime sent_at, const Next& next) {
  Ask<bool>([swap = claims_.Enter(lease_id, self_.name())](Etcd& etcd) { return etcd.Swap(swap); },
            [this, lease_id, sent_at, next](StatusOr<bool> ours) {
              if (ours.ok() && *ours) {
                lease_id_ = lease_id;
                world_.Note("{}: holds lease {}", self_.name(), lease_id);
                OnKept(sent_at);
                return next();
              }
              lease().OnTrouble("the region's key is still there");
              Ask<bool>([lease_id](Etcd& etcd) { return etcd.Revoke(lease_id); },
                        [next](const StatusOr<bool>&) { next(); });
            });
}

void LeaseDriver::Prolong(const Next& next) {
  Ask<Duration>([id = lease_id_](Etcd& etcd) { return etcd.KeepAlive(id); },
                [this, sent_at = Now(), next](const StatusOr<Duration>& kept) {
                  if (kept.ok()) {
                    OnKept(sent_at);
                  } else if (kept.status().code() != StatusCode::kNotFound) {
                    lease().OnTrouble(std::string(StatusMessage(kept.status())));
                  } else {
                    NoteLost();
                    lease_id_ = 0;
                    OnLost(std::string(StatusMessage(kept.status())));
                  }
                  next();
                });
  self_.Reached(Region::Moment::kKeepAlive);
}

void LeaseDriver::OnKept(MonotonicTime sent_at) {
  const bool late = world_.Plants(Mutation::kLeaseFromAnswer);
  const bool whole = world_.Plants(Mutation::kNoLeaseMargin);
  lease().OnKept(late ? Now() : sent_at, whole ? ttl_ * 10 / 9 : ttl_);
  held_ = lease().status().held;
}

void LeaseDriver::OnLost(std::string reason) {
  if (!world_.Plants(Mutation::kKeepClaims)) lease().OnLost(std::move(reason));
}

void LeaseDriver::GiveBack() {
  lease().OnLost("the region stops");
  if (lease_id_ == 0) return;
  network_.Send(self_.ordinal().value(), kEtcd,
                [etcd = &etcd_, id = lease_id_] { etcd->Revoke(id).status().IgnoreError(); });
}

// --- Topics ---

void LeaseDriver::Follow() {
  std::vector<TopicClaim> wanted = claims_.Wanted(*self_.process().catalog.view());
  std::ranges::sort(wanted, {}, &TopicClaim::topic);  // Every run has one order.
  const bool due =
      settled_by_ != lease_id_ || !lease().Missing(wanted).empty() || lease().HasOthers(wanted);
  if (lease_id_ != 0 && due) return Settle(wanted);
  After(kLeaseTick, [this] { Follow(); });
}

void LeaseDriver::Settle(const std::vector<TopicClaim>& wanted) {
  const Done done = [this, lease_id = lease_id_](const Status& settled) {
    settled_by_ = settled.ok() ? lease_id : 0;
    if (!settled.ok()) lease().OnTrouble(std::string(StatusMessage(settled)));
    After(settled.ok() ? kLeaseTick : kLeaseRetry, [this] { Follow(); });
  };
  lease().Keep(wanted);
  Ask<std::vector<mirror::EtcdValue>>(
      [prefix = claims_.Everything()](Etcd& etcd) { return etcd.List(prefix); },
      [this, wanted, done](const StatusOr<std::vector<mirror::EtcdValue>>& values) {
        if (!values.ok()) return done(values.status());
        OnRows(claims_.Parse(*values), wanted, done);
      });
}

void LeaseDriver::OnRows(ClaimRows rows, const std::vector<TopicClaim>& wanted, const Done& done) {
  const auto plan = std::make_shared<const ClaimPlan>(Plan(rows, wanted));
  const EtcdSwap release = claims_.Release(rows, wanted);
  Claim(plan, 0, lease_id_, [this, release, done](const Status& claimed) {
    Release(release,
            [claimed, done](const Status& released) { done(claimed.ok() ? released : claimed); });
  });
}

ClaimPlan LeaseDriver::Plan(ClaimRows& rows, const std::vector<TopicClaim>& wanted) const {
  const std::vector<TopicClaim> missing = self_.process().lease.Missing(wanted);
  if (!world_.Plants(Mutation::kClaimOverLease)) {
    ClaimPlan plan = claims_.Take(rows, missing);
    if (plan.refused.code() == StatusCode::kFailedPrecondition) world_.Reach(Mark::kClaimLost);
    if (plan.refused.code() == StatusCode::kUnavailable) world_.Reach(Mark::kClaimWaited);
    return plan;
  }
  // As if no other region had a lease.
  const std::string own = claims_.Enter(0, {}).put.front().key;
  std::erase_if(rows.regions, [&own](const auto& region) { return region.first != own; });
  ClaimPlan plan = claims_.Take(rows, missing);
  for (ClaimPlan::Step& step : plan.steps) {
    std::erase_if(step.swap.expect, [](const EtcdSwap::Expect& expect) {
      return expect.mod_revision == 0 && expect.key.find("/region/") != std::string::npos;
    });
  }
  return plan;
}

void LeaseDriver::Claim(const std::shared_ptr<const ClaimPlan>& plan, size_t at, int64_t lease_id,
                        const Done& done) {
  if (at == plan->steps.size()) return done(plan->refused);
  Ask<bool>([swap = plan->steps[at].swap](Etcd& etcd) { return etcd.Swap(swap); },
            [this, plan, at, lease_id, done](const StatusOr<bool>& swapped) {
              if (!swapped.ok()) return done(swapped.status());
              if (!*swapped || lease_id != lease_id_) {
                return done(Unavailable("somebody else changed a claim"));
              }
              for (const TopicClaim& claim : plan->steps[at].claims) {
                lease().OnClaimed(claim);
                world_.Note("{}: has claimed {} at epoch {}", self_.name(), claim.topic.ToString(),
                            claim.epoch.value());
              }
              Claim(plan, at + 1, lease_id, done);
            });
}

void LeaseDriver::Release(const EtcdSwap& release, const Done& done) {
  if (release.put.empty()) return done(OkStatus());
  Ask<bool>([release](Etcd& etcd) { return etcd.Swap(release); },
            [done](const StatusOr<bool>& swapped) {
              done(swapped.ok() ? Unavailable("topics were released") : swapped.status());
            });
}

}  // namespace atl::sim
