#include "mirror/lease/lease_keeper.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>

#include <algorithm>
#include <utility>

#include "base/logging.h"
#include "runtime/timer.h"

namespace atl::mirror {
using runtime::awaitable;

LeaseKeeper::LeaseKeeper(Options options, OwnerLease& lease, const broker::Catalog& catalog,
                         const Clock& clock)
    : options_(std::move(options)),
      claims_(options_.prefix, options_.region),
      lease_(lease),
      catalog_(catalog),
      clock_(clock),
      reactor_("lease"),
      group_(reactor_, "lease"),
      etcd_(reactor_, clock, options_.endpoints) {}

LeaseKeeper::~LeaseKeeper() = default;

void LeaseKeeper::Start() {
  reactor_.Start();
  boost::asio::post(reactor_.executor(), [this] {
    group_.Spawn(Keep());
    group_.Spawn(Follow());
  });
}

void LeaseKeeper::Stop() {
  group_.StopFromOutside();
  boost::asio::co_spawn(reactor_.executor(), GiveBack(), boost::asio::use_future).get();
  reactor_.Stop();
}

// --- The lease ---

awaitable<void> LeaseKeeper::Keep() {
  for (;;) {
    const MonotonicTime next = clock_.Now() + options_.ttl / kKeepAlivesPerTtl;
    if (lease_id_ == 0) {
      co_await Acquire();
    } else {
      co_await Prolong();
    }
    const Duration wait = lease_id_ == 0 ? kLeaseRetry : next - clock_.Now();
    const bool slept = co_await runtime::Sleep(std::max(wait, kLeaseTick));
    if (!slept) co_return;
  }
}

awaitable<void> LeaseKeeper::Acquire() {
  const Duration patience = options_.ttl / kKeepAlivesPerTtl;
  const MonotonicTime sent_at = clock_.Now();
  auto grant = co_await etcd_.GrantLease(options_.ttl, patience);
  if (!grant.ok()) {
    lease_.OnTrouble(std::string(StatusMessage(grant.status())));
    co_return;
  }
  EtcdSwap enter = claims_.Enter(grant->lease, options_.instance);
  auto ours = co_await etcd_.Swap(std::move(enter), patience);
  if (ours.ok() && *ours) {
    lease_id_ = grant->lease;
    lease_.OnKept(sent_at, grant->ttl);
    LogInfo("lease", "region {} holds its lease {:x}", options_.region.value(), lease_id_);
    co_return;
  }
  lease_.OnTrouble(ours.ok() ? "the region's key is still there: of this region before it was "
                               "restarted, for at most one lease, or of a copy of it that runs"
                             : std::string(StatusMessage(ours.status())));
  (void)co_await etcd_.Revoke(grant->lease, patience);
}

awaitable<void> LeaseKeeper::Prolong() {
  const MonotonicTime sent_at = clock_.Now();
  auto ttl = co_await etcd_.KeepAlive(lease_id_, options_.ttl / kKeepAlivesPerTtl);
  if (ttl.ok()) {
    lease_.OnKept(sent_at, std::min(*ttl, options_.ttl));
    co_return;
  }
  const std::string reason(StatusMessage(ttl.status()));
  if (ttl.status().code() != StatusCode::kNotFound) {
    lease_.OnTrouble(reason);
    co_return;
  }
  LogWarning("lease", "region {} has lost its lease: {}", options_.region.value(), reason);
  lease_id_ = 0;
  lease_.OnLost(reason);
}

awaitable<void> LeaseKeeper::GiveBack() {
  lease_.OnLost("the region stops");
  if (lease_id_ == 0) co_return;
  const Status given = co_await etcd_.Revoke(lease_id_, options_.ttl / kKeepAlivesPerTtl);
  if (!given.ok()) LogWarning("lease", "not given back: {}", StatusMessage(given));
  lease_id_ = 0;
}

// --- Topics ---

awaitable<Status> LeaseKeeper::ClaimMissing(ClaimPlan plan) {
  const int64_t lease_id = lease_id_;
  for (ClaimPlan::Step& step : plan.steps) {
    auto swapped = co_await etcd_.Swap(std::move(step.swap), options_.ttl / kKeepAlivesPerTtl);
    CO_RETURN_IF_ERROR(swapped.status());
    // Under another lease than it was claimed with a claim would mean nothing.
    if (!*swapped || lease_id != lease_id_) co_return Unavailable("somebody else changed a claim");
    for (const TopicClaim& claim : step.claims) lease_.OnClaimed(claim);
  }
  co_return plan.refused;
}

awaitable<Status> LeaseKeeper::ReleaseOthers(EtcdSwap release) {
  if (release.put.empty()) co_return OkStatus();
  auto swapped = co_await etcd_.Swap(std::move(release), options_.ttl / kKeepAlivesPerTtl);
  CO_RETURN_IF_ERROR(swapped.status());
  // Seen to be released before it counts: rows are read again.
  co_return Unavailable("topics were released");
}

awaitable<Status> LeaseKeeper::Settle(std::vector<TopicClaim> wanted) {
  const int64_t lease_id = lease_id_;
  lease_.Keep(wanted);
  auto values = co_await etcd_.List(claims_.Everything(), options_.ttl / kKeepAlivesPerTtl);
  CO_RETURN_IF_ERROR(values.status());
  const ClaimRows rows = claims_.Parse(*values);
  ClaimPlan plan = claims_.Take(rows, lease_.Missing(wanted));
  const Status claimed = co_await ClaimMissing(std::move(plan));
  EtcdSwap release = claims_.Release(rows, wanted);
  const Status released = co_await ReleaseOthers(std::move(release));
  CO_RETURN_IF_ERROR(claimed);
  CO_RETURN_IF_ERROR(released);
  settled_by_ = lease_id;
  co_return OkStatus();
}

awaitable<void> LeaseKeeper::Follow() {
  std::string grumble;  // Logged once.
  for (;;) {
    std::vector<TopicClaim> wanted = claims_.Wanted(*catalog_.view());
    const bool due =
        settled_by_ != lease_id_ || !lease_.Missing(wanted).empty() || lease_.HasOthers(wanted);
    Duration pause = kLeaseTick;
    if (lease_id_ != 0 && due) {
      const Status settled = co_await Settle(std::move(wanted));
      const std::string reason(StatusMessage(settled));
      if (!settled.ok()) {
        settled_by_ = 0;
        pause = kLeaseRetry;
        lease_.OnTrouble(reason);
      }
      if (!reason.empty() && reason != grumble) LogInfo("lease", "{}", reason);
      grumble = reason;
    }
    const bool slept = co_await runtime::Sleep(pause);
    if (!slept) co_return;
  }
}

}  // namespace atl::mirror
