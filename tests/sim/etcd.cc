#include "tests/sim/etcd.h"

#include <algorithm>

namespace atl::sim {

void Etcd::End(int64_t lease) {
  leases_.erase(lease);
  std::erase_if(values_, [lease](const auto& item) { return item.second.lease == lease; });
}

void Etcd::Expire() {
  std::vector<int64_t> ended;
  for (const auto& [id, lease] : leases_) {
    if (clock_.Now() >= lease.until) ended.push_back(id);
  }
  for (const int64_t id : ended) End(id);
}

StatusOr<int64_t> Etcd::GrantLease(Duration ttl) {
  leases_[++last_lease_] = {ttl, clock_.Now() + ttl};
  return last_lease_;
}

StatusOr<Duration> Etcd::KeepAlive(int64_t lease) {
  Expire();
  const auto found = leases_.find(lease);
  if (found == leases_.end()) return NotFound("etcd: the lease has expired");
  found->second.until = clock_.Now() + found->second.ttl;
  return found->second.ttl;
}

StatusOr<bool> Etcd::Revoke(int64_t lease) {
  Expire();
  if (!leases_.contains(lease)) return NotFound("etcd: the lease has expired");
  End(lease);
  return true;
}

StatusOr<std::vector<mirror::EtcdValue>> Etcd::List(const std::string& prefix) {
  Expire();
  std::vector<mirror::EtcdValue> found;
  for (const auto& [key, value] : values_) {
    if (key.starts_with(prefix)) found.push_back({key, value.text, value.revision});
  }
  return found;
}

StatusOr<bool> Etcd::Swap(const mirror::EtcdSwap& swap) {
  Expire();
  const auto as_expected = [this](const mirror::EtcdSwap::Expect& expect) {
    const auto found = values_.find(expect.key);
    return (found == values_.end() ? 0 : found->second.revision) == expect.mod_revision;
  };
  if (!std::ranges::all_of(swap.expect, as_expected)) return false;
  for (const mirror::EtcdSwap::Put& put : swap.put) {
    if (put.lease != 0 && !leases_.contains(put.lease)) {
      return FailedPrecondition("etcd: requested lease not found");
    }
  }
  ++revision_;
  for (const mirror::EtcdSwap::Put& put : swap.put) {
    values_[put.key] = {put.value, revision_, put.lease};
  }
  return true;
}

}  // namespace atl::sim
