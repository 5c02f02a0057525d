#include "mirror/ownership/blockers.h"

#include <map>
#include <string>

#include <catch2/catch.hpp>

namespace atl::mirror {
namespace {

FailoverPlan Plan() {
  FailoverPlan plan;
  PlanRow& row = plan.rows.emplace_back();
  row.topic = TopicName("orders");
  row.groups_placed = row.groups_total = 2;
  return plan;
}

const BlockerInput kFine{
    .rpo_seconds = 1.0, .rpo_target = std::chrono::seconds(30), .verifies = true};

void Find(FailoverPlan& plan, const std::string& topic, const std::string& code, bool blocking) {
  plan.findings.push_back({TopicName(topic), code, "message", "remedy", blocking});
}

std::map<std::string, int64_t> Reasons(const FailoverPlan& plan,
                                       const BlockerInput& input = kFine) {
  std::map<std::string, int64_t> reasons;
  const auto counts = CountBlockers(plan, input);
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] != 0) reasons[std::string(kBlockerReasons[i])] = counts[i];
  }
  return reasons;
}

using Expected = std::map<std::string, int64_t>;

TEST_CASE("Nothing speaks against a failover of a healthy link") {
  REQUIRE(Reasons(Plan()) == Expected{});
}

TEST_CASE("A topic counts once per reason, however many of its partitions have it") {
  FailoverPlan plan = Plan();
  Find(plan, "orders", "gap", true);
  Find(plan, "orders", "gap", true);
  Find(plan, "invoices", "gap", true);
  Find(plan, "orders", "mismatch", true);
  REQUIRE(Reasons(plan) == Expected{{"gap", 2}, {"mismatch", 1}});
}

TEST_CASE("What does not block is no reason, but for mirrors that should be compared and are not") {
  FailoverPlan plan = Plan();
  Find(plan, "", "no_return", false);
  Find(plan, "orders", "unverified", false);
  REQUIRE(Reasons(plan) == Expected{{"unverified", 1}});
  BlockerInput never_compared = kFine;
  never_compared.verifies = false;
  REQUIRE(Reasons(plan, never_compared) == Expected{});
}

TEST_CASE("The objective and what is not known of the lag are reasons") {
  BlockerInput input = kFine;
  input.rpo_seconds = 30.5;
  REQUIRE(Reasons(Plan(), input) == Expected{{"over_objective", 1}});
  input.rpo_target = Duration::zero();
  REQUIRE(Reasons(Plan(), input) == Expected{});
  input.rpo_seconds.reset();
  REQUIRE(Reasons(Plan(), input) == Expected{{"lag_unknown", 1}});
}

TEST_CASE("A topic with a group that is not placed yet is a reason") {
  FailoverPlan plan = Plan();
  plan.rows[0].groups_placed = 1;
  REQUIRE(Reasons(plan) == Expected{{"groups_waiting", 1}});
}

TEST_CASE("A finding that blocks and is not known here is no yes") {
  FailoverPlan plan = Plan();
  Find(plan, "orders", "of_tomorrow", true);
  Find(plan, "orders", "a_warning_of_tomorrow", false);
  REQUIRE(Reasons(plan) == Expected{{"other", 1}});
}

TEST_CASE("Every finding that can block a forced move has its reason") {
  for (const char* code : {"no_topics", "link_starting", "diverged", "halted", "gap", "conflict",
                           "retired", "mismatch", "moving", "active_group"}) {
    FailoverPlan plan = Plan();
    Find(plan, "orders", code, true);
    REQUIRE(Reasons(plan) == Expected{{code, 1}});
  }
}

}  // namespace
}  // namespace atl::mirror
