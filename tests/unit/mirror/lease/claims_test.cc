#include "mirror/lease/claims.h"

#include <string>

#include <catch2/catch.hpp>

namespace atl::mirror {
namespace {

const TopicId kOrders(std::array<uint8_t, 16>{7});
const TopicId kAudit(std::array<uint8_t, 16>{8});
const std::string kOrdersKey = "/atoll/topic/" + kOrders.ToString();
const std::string kAuditKey = "/atoll/topic/" + kAudit.ToString();
constexpr RegionOrdinal kUs(1);
constexpr LeaderEpoch kFirst(257);    // Of region 1.
constexpr LeaderEpoch kSecond(514);   // Of region 2.
constexpr int64_t kOwnRevision = 40;  // Of our region's key.

struct Rig {
  // Region 1 reads those rows; its own key is there.
  explicit Rig(std::vector<EtcdValue> values) {
    values.push_back({"/atoll/region/1", "us", kOwnRevision});
    rows = claims.Parse(values);
  }

  Claims claims{"/atoll", kUs};
  ClaimRows rows;
};

bool Expects(const EtcdSwap& swap, const std::string& key, int64_t revision) {
  return std::ranges::any_of(swap.expect, [&](const EtcdSwap::Expect& expect) {
    return expect.key == key && expect.mod_revision == revision;
  });
}

TEST_CASE("a region's key is put only where there is none, and goes with its lease") {
  const Claims claims("/atoll", kUs);
  REQUIRE(claims.Everything() == "/atoll/");
  const EtcdSwap swap = claims.Enter(77, "us-1");
  REQUIRE(swap.expect.size() == 1);
  REQUIRE(Expects(swap, "/atoll/region/1", 0));
  REQUIRE(swap.put.size() == 1);
  REQUIRE(swap.put[0].key == "/atoll/region/1");
  REQUIRE(swap.put[0].value == "us-1");
  REQUIRE(swap.put[0].lease == 77);
}

TEST_CASE("S9 Who may take a topic, and what must still be so when it does") {
  struct Case {
    std::string name;
    std::vector<EtcdValue> rows;
    StatusCode refused;            // kOk: it is taken.
    int64_t of_row = 0;            // Taken: at which revision of the topic's row.
    bool needs_them_gone = false;  // Likewise: only while region 2 has no lease.
    LeaderEpoch epoch = kFirst;    // Of the claim.
  };
  const EtcdValue them{"/atoll/region/2", "eu", 30};
  const LeaderEpoch higher(769);
  const std::vector<Case> cases = {
      {"nobody ever had it", {}, StatusCode::kOk, 0},
      {"ours before", {{kOrdersKey, "257 1", 9}}, StatusCode::kOk, 9},
      {"ours under a lower epoch", {{kOrdersKey, "257 1", 9}}, StatusCode::kOk, 9, false, higher},
      {"ours under a higher epoch", {{kOrdersKey, "769 1", 9}}, StatusCode::kFailedPrecondition},
      {"released by them", {{kOrdersKey, "514 0", 9}, them}, StatusCode::kOk, 9, false, higher},
      {"released at our epoch", {{kOrdersKey, "257 0", 9}}, StatusCode::kOk, 9},
      {"released at a higher one", {{kOrdersKey, "514 0", 9}}, StatusCode::kFailedPrecondition},
      {"they hold it",
       {{kOrdersKey, "514 2", 9}, them},
       StatusCode::kUnavailable,
       0,
       false,
       higher},
      {"their lease ended", {{kOrdersKey, "514 2", 9}}, StatusCode::kOk, 9, true, higher},
      {"they succeeded us", {{kOrdersKey, "514 2", 9}}, StatusCode::kFailedPrecondition},
      {"no row at all",
       {{kOrdersKey, "rubbish", 9}},
       StatusCode::kFailedPrecondition,
       0,
       false,
       higher},
      {"half a row", {{kOrdersKey, "257", 9}}, StatusCode::kFailedPrecondition, 0, false, higher},
      {"more than a row", {{kOrdersKey, "257 1 x", 9}}, StatusCode::kFailedPrecondition},
  };
  for (const Case& one : cases) {
    CAPTURE(one.name);
    const Rig rig(one.rows);
    const ClaimPlan plan = rig.claims.Take(rig.rows, {{kOrders, one.epoch}});
    REQUIRE(plan.refused.code() == one.refused);
    REQUIRE(plan.steps.size() == (one.refused == StatusCode::kOk ? 1 : 0));
    if (plan.steps.empty()) continue;
    const EtcdSwap& swap = plan.steps[0].swap;
    REQUIRE(plan.steps[0].claims == std::vector<TopicClaim>{{kOrders, one.epoch}});
    REQUIRE(Expects(swap, kOrdersKey, one.of_row));
    REQUIRE(Expects(swap, "/atoll/region/1", kOwnRevision));
    REQUIRE(Expects(swap, "/atoll/region/2", 0) == one.needs_them_gone);
    REQUIRE(swap.put.size() == 1);
    REQUIRE(swap.put[0].value == fmt::format("{} 1", one.epoch.value()));
    REQUIRE(swap.put[0].lease == 0);  // Stays when the lease ends.
  }
}

TEST_CASE("a topic of another region with the same epoch is nobody's mistake to repeat") {
  const Rig rig({{kOrdersKey, "257 2", 9}});
  REQUIRE(rig.claims.Take(rig.rows, {{kOrders, kFirst}}).refused.code() ==
          StatusCode::kFailedPrecondition);
}

TEST_CASE("without its region's key nothing is claimed") {
  const Claims claims("/atoll", kUs);
  const ClaimPlan plan = claims.Take(claims.Parse({}), {{kOrders, kFirst}});
  REQUIRE(plan.steps.empty());
  REQUIRE(plan.refused.code() == StatusCode::kUnavailable);
}

TEST_CASE("what may be claimed is, beside what may not") {
  const Rig rig({{kOrdersKey, "514 2", 9}});
  const ClaimPlan plan = rig.claims.Take(rig.rows, {{kOrders, kFirst}, {kAudit, kFirst}});
  REQUIRE(plan.refused.code() == StatusCode::kFailedPrecondition);
  REQUIRE(plan.steps.size() == 1);
  REQUIRE(plan.steps[0].claims == std::vector<TopicClaim>{{kAudit, kFirst}});
  REQUIRE_FALSE(Expects(plan.steps[0].swap, kOrdersKey, 9));
}

TEST_CASE("many topics are claimed in transactions that etcd takes") {
  constexpr size_t kTopics = 130;
  constexpr size_t kMostOperations = 128;
  const Rig rig({});
  std::vector<TopicClaim> missing;
  for (size_t i = 0; i < kTopics; ++i) {
    missing.push_back({TopicId(std::array<uint8_t, 16>{9, static_cast<uint8_t>(i)}), kFirst});
  }
  std::vector<TopicClaim> claimed;
  for (const ClaimPlan::Step& step : rig.claims.Take(rig.rows, missing).steps) {
    REQUIRE(step.swap.put.size() == step.claims.size());
    REQUIRE(step.swap.expect.size() <= kMostOperations);
    claimed.insert(claimed.end(), step.claims.begin(), step.claims.end());
  }
  REQUIRE(claimed == missing);
}

TEST_CASE("only what is ours and not wanted any more is released, at the epoch that it had") {
  const Rig rig({{kOrdersKey, "257 1", 9}, {kAuditKey, "514 2", 8}});
  REQUIRE(rig.claims.Release(rig.rows, {{kOrders, kFirst}}).put.empty());
  const EtcdSwap swap = rig.claims.Release(rig.rows, {{kAudit, kSecond}});
  REQUIRE(swap.expect.size() == 1);
  REQUIRE(Expects(swap, kOrdersKey, 9));
  REQUIRE(swap.put.size() == 1);
  REQUIRE(swap.put[0].key == kOrdersKey);
  REQUIRE(swap.put[0].value == "257 0");
}

}  // namespace
}  // namespace atl::mirror
