// A stand-in for etcd: keys with revisions, leases that end in true time, transactions. It never
// fails; the network to it does.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "mirror/lease/etcd_types.h"

namespace atl::sim {

class Etcd {
 public:
  // `clock` outlives this.
  explicit Etcd(const Clock& clock) : clock_(clock) {}

  StatusOr<int64_t> GrantLease(Duration ttl);
  // What it was prolonged by. kNotFound: it has ended.
  StatusOr<Duration> KeepAlive(int64_t lease);
  StatusOr<bool> Revoke(int64_t lease);
  StatusOr<std::vector<mirror::EtcdValue>> List(const std::string& prefix);
  // False: a key was not as expected, nothing was put.
  StatusOr<bool> Swap(const mirror::EtcdSwap& swap);

 private:
  struct Lease {
    Duration ttl;
    MonotonicTime until;
  };
  struct Value {
    std::string text;
    int64_t revision = 0;
    int64_t lease = 0;  // 0: none.
  };
  // Nobody can tell when an ended lease goes, but by asking.
  void Expire();
  void End(int64_t lease);

  const Clock& clock_;
  std::map<int64_t, Lease> leases_;
  std::map<std::string, Value> values_;
  int64_t revision_ = 0;
  int64_t last_lease_ = 0;
};

}  // namespace atl::sim
