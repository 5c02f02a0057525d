#include "mirror/lease/lease_routes.h"

#include <boost/json.hpp>

#include "core-broker/admin/json_body.h"

namespace atl::mirror {
namespace {

namespace json = boost::json;

json::object ToJson(const LeaseStatus& status) {
  json::object object;
  object["mode"] = "lease";
  object["held"] = status.held;
  object["leftSeconds"] = status.left ? json::value(ToSeconds(*status.left)) : json::value();
  object["reason"] = status.reason;
  object["topics"] = status.topics;
  object["lost"] = status.lost;
  return object;
}

}  // namespace

std::shared_ptr<void> RegisterLeaseRoutes(broker::Router& router, const OwnerLease* lease,
                                          Metrics& metrics) {
  router.Add("GET", "/v1/lease", [lease](const broker::HttpCall&) {
    return broker::JsonReply(lease == nullptr ? json::object{{"mode", "operator"}}
                                              : ToJson(lease->status()));
  });
  if (lease == nullptr) return nullptr;
  return metrics.AddCollector([lease](std::vector<MetricFamily>& out) {
    const LeaseStatus status = lease->status();
    FamilyBuilder held("atoll_lease_held", "1 while this region may accept records.");
    held.Add({}, status.held ? 1 : 0);
    std::move(held).AppendTo(out);
    FamilyBuilder left("atoll_lease_remaining_seconds",
                       "Until the lease ends unless it is prolonged; 0: it is not held.");
    left.Add({{"scope", "region"}}, status.left ? ToSeconds(*status.left) : 0);
    std::move(left).AppendTo(out);
  });
}

}  // namespace atl::mirror
