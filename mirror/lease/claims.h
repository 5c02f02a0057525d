// What a region asks of etcd for its topics (`lease` mode), and what it makes of the rows there:
// the rules of lease_keeper.h without the way to etcd. Rows and wishes in, transactions out.
//
//   PREFIX/region/ORDINAL   attached to the lease: there as long as that region may accept records
//   PREFIX/topic/TOPICID    "EPOCH ORDINAL": who accepts, under which epoch; ordinal 0: released.
//                           Stays when leases end, so that a former owner that comes back learns
//                           from it that it was succeeded
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "base/types.h"
#include "core-broker/catalog/catalog.h"
#include "mirror/lease/etcd_types.h"
#include "mirror/lease/lease.h"

namespace atl::mirror {

// The pace at which a lease is kept and its rows are followed.
inline constexpr int kKeepAlivesPerTtl = 4;
inline constexpr Duration kLeaseTick = std::chrono::milliseconds(50);  // New topics wait no longer.
inline constexpr Duration kLeaseRetry = std::chrono::milliseconds(200);

// Everything below the prefix, as of one revision of etcd.
struct ClaimRows {
  struct Row {
    LeaderEpoch epoch = kNoEpoch;
    RegionOrdinal owner;
    int64_t revision = 0;  // 0: there is none.
  };
  std::map<std::string, Row> topics;       // By key.
  std::map<std::string, int64_t> regions;  // Revision by key.
};

struct ClaimPlan {
  struct Step {
    EtcdSwap swap;
    std::vector<TopicClaim> claims;  // Claimed once it is done.
  };
  std::vector<Step> steps;
  // Why not all of it. kUnavailable: not yet; kFailedPrecondition: another region was first.
  Status refused;
};

class Claims {
 public:
  Claims(std::string prefix, RegionOrdinal region) : prefix_(std::move(prefix)), region_(region) {}

  std::string Everything() const { return prefix_ + "/"; }  // What all keys start with.
  // Attaches the region's key to the lease; fails while it is attached to another one.
  EtcdSwap Enter(int64_t lease, std::string instance) const;
  ClaimRows Parse(const std::vector<EtcdValue>& values) const;
  // What the catalogue says this region owns.
  std::vector<TopicClaim> Wanted(const broker::CatalogView& view) const;
  ClaimPlan Take(const ClaimRows& rows, const std::vector<TopicClaim>& missing) const;
  // Of rows that name this region although it does not want the topic (any more); the most that one
  // transaction takes. Nothing to put: there are none.
  EtcdSwap Release(const ClaimRows& rows, const std::vector<TopicClaim>& wanted) const;

 private:
  Status TakeOne(const ClaimRows& rows, const TopicClaim& claim, EtcdSwap& swap) const;
  std::string RegionKey(RegionOrdinal region) const;
  std::string TopicKey(const TopicId& topic) const;

  const std::string prefix_;
  const RegionOrdinal region_;
};

}  // namespace atl::mirror
