#include "mirror/ownership/failover_plan.h"

#include <algorithm>
#include <functional>

#include <catch2/catch.hpp>

namespace atl::mirror {
namespace {

using Mode = checkpoint::FailoverMode;

constexpr RegionOrdinal kUs{1};

PlanInput Input(Mode mode = Mode::kPromote) {
  PlanInput input;
  input.mode = mode;
  input.link = LinkName("from-us-east");
  input.source = RegionName("us-east");
  input.target = RegionName("eu-west");
  input.now = WallTime(std::chrono::hours(1000));
  input.last_contact = input.now;
  input.in_contact = mode == Mode::kPromote;
  input.control_configured = true;
  input.control_connected = mode == Mode::kPromote;
  PlanTopic& topic = input.topics.emplace_back();
  topic.name = TopicName("orders");
  topic.owner.epoch = LeaderEpoch::First(kUs);
  PlanPartition& partition = topic.partitions.emplace_back();
  partition.mirror.topic = topic.name;
  partition.mirror.partition = PartitionId(0);
  partition.mirror.state = MirrorState::kMirroring;
  partition.mirror.source_end = Offset(110);
  partition.mirror.applied_end = Offset(100);
  partition.mirror.lag = {.records = 10, .bytes = 1000, .seconds = 0.5};
  partition.mirror.verify.verified_to = Offset(90);
  partition.local_end = Offset(100);
  return input;
}

std::vector<std::string> Codes(const FailoverPlan& plan, bool blocking) {
  std::vector<std::string> codes;
  for (const PlanFinding& finding : plan.findings) {
    if (finding.blocking == blocking) codes.push_back(finding.code);
    REQUIRE_FALSE(finding.message.empty());
    REQUIRE_FALSE(finding.remedy.empty());
  }
  return codes;
}

TEST_CASE("A planned move of a healthy mirror is clean and loses nothing") {
  const FailoverPlan plan = MakePlan(Input());
  REQUIRE_FALSE(plan.blocked());
  REQUIRE(plan.findings.empty());
  REQUIRE(plan.rows.size() == 1);
  REQUIRE(plan.rows[0].lag_records == 10);
  REQUIRE(plan.rows[0].lost_known == 0);
  REQUIRE(plan.rows[0].lost_at_most == 0);
}

TEST_CASE("A forced move without contact knows a part of its loss and bounds nothing") {
  const FailoverPlan plan = MakePlan(Input(Mode::kFailover));
  REQUIRE_FALSE(plan.blocked());
  REQUIRE(plan.rows[0].lost_known == 10);
  REQUIRE_FALSE(plan.rows[0].lost_at_most.has_value());
}

TEST_CASE("S21 A forced move in spite of contact bounds nothing: the owner still accepts") {
  PlanInput input = Input(Mode::kFailover);
  input.in_contact = input.force = true;
  const FailoverPlan plan = MakePlan(input);
  REQUIRE_FALSE(plan.blocked());
  REQUIRE(plan.rows[0].lost_known == 10);
  REQUIRE_FALSE(plan.rows[0].lost_at_most.has_value());
}

TEST_CASE("What the source never told is not known, and never 0") {
  PlanInput input = Input(Mode::kFailover);
  input.topics[0].partitions[0].mirror.source_end = std::nullopt;
  input.topics[0].partitions[0].mirror.lag = {};
  const FailoverPlan plan = MakePlan(input);
  REQUIRE_FALSE(plan.rows[0].lost_known.has_value());
  REQUIRE_FALSE(plan.rows[0].lag_records.has_value());
  REQUIRE_FALSE(plan.rows[0].lag_seconds.has_value());
}

TEST_CASE("A third region that is ahead lowers the loss and is named") {
  PlanInput input = Input(Mode::kFailover);
  input.topics[0].partitions[0].ahead = RegionName("ap-south");
  input.topics[0].partitions[0].ahead_end = Offset(107);
  const FailoverPlan plan = MakePlan(input);
  REQUIRE(plan.rows[0].lost_known == 3);
  REQUIRE(plan.rows[0].drain_from == RegionName("ap-south"));
}

TEST_CASE("What blocks a move, each with its remedy") {
  struct Case {
    const char* code;
    std::function<void(PlanInput&)> change;
    bool blocking = true;
    Mode mode = Mode::kPromote;
  };
  const auto state = [](MirrorState to) {
    return [to](PlanInput& in) { in.topics[0].partitions[0].mirror.state = to; };
  };
  const std::vector<Case> cases{
      {"diverged", state(MirrorState::kDiverged)},
      {"halted", state(MirrorState::kHalted)},
      {"gap", state(MirrorState::kGap)},
      {"conflict", state(MirrorState::kConflict)},
      {"paused", state(MirrorState::kPaused)},
      {"source_unreachable", [](PlanInput& in) { in.in_contact = false; }},
      {"no_control", [](PlanInput& in) { in.control_connected = false; }},
      {"no_topics", [](PlanInput& in) { in.topics.clear(); }},
      {"not_mirrored", [](PlanInput& in) { in.not_mirrored = {TopicName("audit")}; }},
      {"moving", [](PlanInput& in) { in.topics[0].held = "it is moving"; }},
      {"mismatch",
       [](PlanInput& in) {
         in.topics[0].partitions[0].mirror.verify = {
             .verified_to = Offset(1), .mismatch = true, .reason = "differs at 2"};
       }},
      {"active_group", [](PlanInput& in) { in.topics[0].active_groups = {GroupId("g")}; }},
      {"unverified", [](PlanInput& in) { in.topics[0].partitions[0].mirror.verify = {}; }, false},
      {"source_reachable", [](PlanInput& in) { in.in_contact = true; }, true, Mode::kFailover},
      {"no_return", [](PlanInput& in) { in.kind = RegionKind::kKafka; }, false, Mode::kFailover},
      {"link_starting", [](PlanInput& in) { in.starting = true; }},
      {"link_starting", [](PlanInput& in) { in.starting = true; }, true, Mode::kFailover},
      {"prefixed", [](PlanInput& in) { in.prefixed = true; }},
      {"no_return", [](PlanInput& in) { in.prefixed = true; }, false, Mode::kFailover},
      {"ahead_unlinked",
       [](PlanInput& in) {
         in.topics[0].partitions[0].unlinked = RegionName("ap-south");
         in.topics[0].partitions[0].unlinked_end = Offset(107);
       },
       true, Mode::kFailover},
      {"still_written", [](PlanInput& in) { in.kind = RegionKind::kKafka; }},
  };
  for (const Case& c : cases) {
    INFO(c.code);
    PlanInput input = Input(c.mode);
    c.change(input);
    const FailoverPlan plan = MakePlan(input);
    REQUIRE(plan.blocked() == c.blocking);
    const auto codes = Codes(plan, c.blocking);
    REQUIRE(std::find(codes.begin(), codes.end(), c.code) != codes.end());
  }
}

TEST_CASE("A link that has just started says so instead of what it does not know yet") {
  PlanInput input = Input();
  input.starting = true;
  input.in_contact = input.control_connected = false;
  input.topics.clear();
  input.not_mirrored = {TopicName("orders")};
  REQUIRE(Codes(MakePlan(input), true) == std::vector<std::string>{"link_starting"});
}

TEST_CASE(
    "A region without a link from there blocks only while it is ahead of who can be drained") {
  PlanInput input = Input(Mode::kFailover);
  PlanPartition& partition = input.topics[0].partitions[0];
  partition.ahead = RegionName("ap-south");
  partition.unlinked = RegionName("sa-west");
  partition.ahead_end = partition.unlinked_end = Offset(107);
  REQUIRE_FALSE(MakePlan(input).blocked());
  partition.unlinked_end = Offset(108);
  REQUIRE(MakePlan(input).blocked());
  input.accepted = {TopicName("orders")};
  REQUIRE_FALSE(MakePlan(input).blocked());
}

TEST_CASE("A planned move from a Kafka cluster needs lag 0 and an end that stands still") {
  PlanInput input = Input();
  input.kind = RegionKind::kKafka;
  PlanPartition& partition = input.topics[0].partitions[0];
  partition.still_for = kStandsStill;
  REQUIRE(Codes(MakePlan(input), true) == std::vector<std::string>{"still_written"});
  partition.mirror.lag.records = 0;
  REQUIRE_FALSE(MakePlan(input).blocked());
  partition.still_for -= std::chrono::milliseconds(1);
  REQUIRE(Codes(MakePlan(input), true) == std::vector<std::string>{"still_written"});
}

TEST_CASE("Findings of a topic are accepted by name, those of the whole move are not") {
  PlanInput input = Input();
  input.topics[0].partitions[0].mirror.state = MirrorState::kGap;
  input.accepted = {TopicName("orders")};
  REQUIRE_FALSE(MakePlan(input).blocked());
  input.in_contact = false;
  REQUIRE(MakePlan(input).blocked());
}

TEST_CASE("The hash changes with what decides, not with lags") {
  const std::string hash = MakePlan(Input()).hash;
  PlanInput later = Input();
  later.topics[0].partitions[0].mirror.lag.records = 11;
  later.topics[0].partitions[0].local_end = Offset(105);
  later.now += std::chrono::seconds(1);
  REQUIRE(MakePlan(later).hash == hash);
  const auto differs = [&hash](const std::function<void(PlanInput&)>& change) {
    PlanInput input = Input();
    change(input);
    REQUIRE(MakePlan(input).hash != hash);
  };
  differs([](PlanInput& in) { in.mode = Mode::kFailover; });
  differs([](PlanInput& in) { in.topics[0].owner.epoch = LeaderEpoch::First(kUs).Next(kUs); });
  differs([](PlanInput& in) { in.topics[0].name = TopicName("audit"); });
  differs([](PlanInput& in) { in.force = true; });
  differs([](PlanInput& in) { in.topics.push_back(in.topics[0]); });
  differs([](PlanInput& in) { in.topics[0].held = "it is moving"; });
}

}  // namespace
}  // namespace atl::mirror
