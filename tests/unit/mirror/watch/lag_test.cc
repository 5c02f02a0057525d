#include "mirror/watch/lag.h"

#include <algorithm>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

namespace atl::mirror {
namespace {

using std::chrono::seconds;

const WallTime kNow{std::chrono::hours(24 * 365 * 50)};
constexpr int kCap = 20;  // Series of partitions; above it they are given per topic.

MirrorRow Row(MirrorState state, std::optional<double> lag_seconds, int partition = 0) {
  const std::optional<int64_t> records =
      lag_seconds ? std::optional<int64_t>(static_cast<int64_t>(*lag_seconds) * 10) : std::nullopt;
  MirrorRow row;
  row.link = LinkName("l");
  row.topic = TopicName("orders");
  row.partition = PartitionId(partition);
  row.state = state;
  row.lag = {.records = records, .bytes = records, .seconds = lag_seconds};
  return row;
}

LinkFacts Facts() {
  LinkFacts facts;
  facts.link = LinkName("l");
  facts.source = RegionName("us-east");
  facts.target = RegionName("eu-west");
  facts.last_contact = kNow;
  facts.rpo_target = seconds(30);
  return facts;
}

TEST_CASE("what was verified is exported for the partitions that have it") {
  LinkSample sample{.facts = Facts(),
                    .rows = {Row(MirrorState::kCaughtUp, 0, 0), Row(MirrorState::kCaughtUp, 0, 1)}};
  sample.rows[1].verify.verified_to = Offset(42);
  std::vector<MetricFamily> families;
  AppendLinkFamilies(std::vector<LinkSample>{sample}, kNow, kCap, families);
  const auto verified = std::find_if(families.begin(), families.end(), [](const auto& family) {
    return family.name == "atoll_mirror_verified_offset";
  });
  REQUIRE(verified != families.end());
  REQUIRE(verified->metric.size() == 1);
  REQUIRE(verified->metric[0].gauge.value == 42);
}

double ValueOf(const std::vector<MetricFamily>& families, const std::string& name,
               const std::string& label) {
  for (const MetricFamily& family : families) {
    if (family.name != name) continue;
    for (const auto& series : family.metric) {
      const bool has = std::ranges::any_of(
          series.label, [&label](const auto& one) { return one.value == label; });
      if (has) return series.gauge.value;
    }
  }
  return -1;
}

TEST_CASE("partitions are counted by what comparing them found, and each is counted once") {
  LinkSample sample{.facts = Facts(), .rows = {}};
  for (int i = 0; i < 4; ++i) sample.rows.push_back(Row(MirrorState::kCaughtUp, 0, i));
  sample.rows[0].verify.verified_to = Offset(42);
  sample.rows[1].verify.verified_to = Offset(42);
  sample.rows[1].verify.mismatch = true;
  std::vector<MetricFamily> families;
  AppendLinkFamilies(std::vector<LinkSample>{sample}, kNow, kCap, families);
  REQUIRE(ValueOf(families, "atoll_mirror_verified_partitions", "equal") == 1);
  REQUIRE(ValueOf(families, "atoll_mirror_verified_partitions", "mismatch") == 1);
  REQUIRE(ValueOf(families, "atoll_mirror_verified_partitions", "not_compared") == 2);
}

TEST_CASE("what was never copied from the source has no time of copying") {
  LinkSample sample{.facts = Facts(), .rows = {}};
  sample.facts.topics_synced = WallTime(seconds(1000));
  std::vector<MetricFamily> families;
  AppendLinkFamilies(std::vector<LinkSample>{sample}, kNow, kCap, families);
  const std::string name = "atoll_metadata_sync_last_success_timestamp_seconds";
  REQUIRE(ValueOf(families, name, "topic") == 1000);
  REQUIRE(ValueOf(families, name, "config") == -1);
}

TEST_CASE("what a status does not know is absent from its row") {
  const MirrorRow row = MakeRow(
      {.link = LinkName("l"), .topic = TopicName("t"), .topic_id = {}, .partition = PartitionId(3)},
      MirrorStatus{});
  REQUIRE_FALSE(row.source_end);
  REQUIRE_FALSE(row.applied_end);
  REQUIRE_FALSE(row.last_contact);
  REQUIRE_FALSE(row.lag.seconds);
}

TEST_CASE("the RPO of a link is its largest lag") {
  const std::vector<MirrorRow> rows{Row(MirrorState::kCaughtUp, 0),
                                    Row(MirrorState::kMirroring, 7)};
  const LinkView view = ViewLink(Facts(), rows, kNow);
  REQUIRE(view.condition == LinkCondition::kRunning);
  REQUIRE(*view.rpo_seconds == 7);
  REQUIRE(*view.lag_records == 70);
}

TEST_CASE("one partition that was never heard makes the RPO unknown, never smaller") {
  const std::vector<MirrorRow> rows{Row(MirrorState::kMirroring, 7),
                                    Row(MirrorState::kLocating, std::nullopt)};
  REQUIRE_FALSE(ViewLink(Facts(), rows, kNow).rpo_seconds);
  REQUIRE_FALSE(ViewLink(Facts(), rows, kNow).lag_records);
}

TEST_CASE("partitions that a failover would not serve don't count for the RPO") {
  const MirrorState state = GENERATE(MirrorState::kRetired, MirrorState::kConflict);
  const std::vector<MirrorRow> rows{Row(MirrorState::kMirroring, 7), Row(state, std::nullopt)};
  REQUIRE(*ViewLink(Facts(), rows, kNow).rpo_seconds == 7);
}

TEST_CASE("a silent source is never an RPO of 0, also without a partition") {
  const WallTime later = kNow + seconds(60);
  REQUIRE(*ViewLink(Facts(), {}, later).rpo_seconds == Approx(60));
  REQUIRE(ViewLink(Facts(), {}, later).condition == LinkCondition::kSourceUnavailable);
  LinkFacts never = Facts();
  never.last_contact.reset();
  REQUIRE_FALSE(ViewLink(never, {}, kNow).rpo_seconds);
  REQUIRE(ViewLink(never, {}, kNow).condition == LinkCondition::kConnecting);
}

TEST_CASE("a link knows of a broken connection before the heartbeat is over") {
  MirrorRow lost = Row(MirrorState::kSourceUnavailable, 0.2);
  lost.reason = "connection reset";
  const MirrorRow locating = Row(MirrorState::kLocating, 0, 1);
  const LinkView alone = ViewLink(Facts(), std::vector{lost, locating}, kNow);
  REQUIRE(alone.condition == LinkCondition::kSourceUnavailable);
  REQUIRE(alone.reason == "orders-0: connection reset");
  const MirrorRow fine = Row(MirrorState::kCaughtUp, 0, 1);
  const LinkView one_of_two = ViewLink(Facts(), std::vector{lost, fine}, kNow);
  REQUIRE(one_of_two.condition == LinkCondition::kDegraded);
}

TEST_CASE("a link with a partition that needs an operator is degraded and names it") {
  const MirrorState state = GENERATE(MirrorState::kHalted, MirrorState::kGap,
                                     MirrorState::kDiverged, MirrorState::kConflict);
  const std::vector<MirrorRow> rows{Row(MirrorState::kCaughtUp, 0), Row(state, 1, 4)};
  const LinkView view = ViewLink(Facts(), rows, kNow);
  REQUIRE(view.condition == LinkCondition::kDegraded);
  REQUIRE(view.reason == "orders-4 " + std::string(MirrorStateName(state)));
}

TEST_CASE("families hold a series per known value and a full set of states") {
  LinkSample sample{
      .facts = Facts(),
      .rows = {Row(MirrorState::kMirroring, 7, 0), Row(MirrorState::kLocating, std::nullopt, 1)}};
  Metrics metrics;
  const auto handle = metrics.AddCollector([&](std::vector<MetricFamily>& out) {
    AppendLinkFamilies(std::span(&sample, 1), kNow, kCap, out);
  });
  const std::string text = metrics.Text();
  const auto has = [&](const std::string& line) { return text.find(line) != std::string::npos; };
  REQUIRE(has("atoll_mirror_lag_seconds{link=\"l\",partition=\"0\",topic=\"orders\"} 7"));
  REQUIRE_FALSE(has("atoll_mirror_lag_seconds{link=\"l\",partition=\"1\""));
  REQUIRE(has("atoll_link_state{link=\"l\",state=\"running\"} 1"));
  REQUIRE(has("atoll_link_state{link=\"l\",state=\"paused\"} 0"));
  REQUIRE(has("atoll_mirror_topics{link=\"l\",state=\"mirroring\"} 1"));
  REQUIRE(has("atoll_mirror_topics{link=\"l\",state=\"halted\"} 0"));
  REQUIRE(has("atoll_link_rpo_target_seconds{link=\"l\"} 30"));
  REQUIRE_FALSE(has("atoll_link_rpo_seconds{"));
  sample.rows.pop_back();
  REQUIRE(metrics.Text().find("atoll_link_rpo_seconds{link=\"l\"} 7") != std::string::npos);
}

TEST_CASE("above the cap mirrors are given by topic, and a metric says so") {
  LinkSample sample{.facts = Facts(), .rows = {}};
  for (int i = 0; i < kCap; ++i) sample.rows.push_back(Row(MirrorState::kMirroring, i % 10, i));
  const auto text = [&sample] {
    Metrics metrics;
    const auto handle = metrics.AddCollector([&](std::vector<MetricFamily>& out) {
      AppendLinkFamilies(std::span(&sample, 1), kNow, kCap, out);
    });
    return metrics.Text();
  };
  const auto has = [](const std::string& page, const std::string& line) {
    return page.find(line + "\n") != std::string::npos;
  };
  const std::string few = text();
  REQUIRE(has(few, "atoll_metrics_aggregated{kind=\"mirror\"} 0"));
  REQUIRE(has(few, R"(atoll_mirror_lag_records{link="l",partition="9",topic="orders"} 90)"));
  sample.rows.push_back(Row(MirrorState::kMirroring, 12, kCap));
  const std::string many = text();
  REQUIRE(has(many, "atoll_metrics_aggregated{kind=\"mirror\"} 1"));
  REQUIRE(has(many, R"(atoll_mirror_lag_records{link="l",topic="orders"} 1020)"));
  REQUIRE(has(many, R"(atoll_mirror_lag_seconds{link="l",topic="orders"} 12)"));
  REQUIRE(has(many, R"(atoll_link_rpo_seconds{link="l"} 12)"));
  REQUIRE(many.find("partition=") == std::string::npos);
}

// "discover fetch verify"
std::string Tasks(const LinkFacts& facts, const std::vector<MirrorRow>& rows, WallTime now = kNow) {
  const std::vector<LinkSample> samples{{.facts = facts, .rows = rows}};
  std::vector<MetricFamily> families;
  AppendLinkFamilies(samples, now, kCap, families);
  const auto family = std::ranges::find(families, "atoll_link_task_state", &MetricFamily::name);
  std::string states;
  for (const auto& series : family->metric) {
    if (series.gauge.value != 1) continue;
    const auto state =
        std::ranges::find(series.label, "state", &prometheus::ClientMetric::Label::name);
    states += (states.empty() ? "" : " ") + state->value;
  }
  return states;
}

TEST_CASE("the tasks of a link are judged by what they have reached") {
  LinkFacts facts = Facts();
  facts.topics_synced = kNow;
  facts.verifies = true;
  const std::vector<MirrorRow> fine{Row(MirrorState::kCaughtUp, 0)};
  REQUIRE(Tasks(facts, fine) == "running running running");
  REQUIRE(Tasks(facts, {Row(MirrorState::kHalted, 1)}) == "running failing running");
  REQUIRE(Tasks(facts, {Row(MirrorState::kSourceUnavailable, 1)}) == "running failing running");
  std::vector<MirrorRow> differs = fine;
  differs[0].verify.mismatch = true;
  REQUIRE(Tasks(facts, differs) == "running running failing");
  REQUIRE(Tasks(facts, fine, kNow + seconds(11)) == "failing failing failing");
  LinkFacts stale = facts;
  stale.topics_synced = kNow - seconds(31);
  REQUIRE(Tasks(stale, fine) == "failing running running");
  stale.verifies = false;
  REQUIRE(Tasks(stale, fine) == "failing running off");
  facts.paused = true;
  REQUIRE(Tasks(facts, fine) == "paused paused paused");
}

}  // namespace
}  // namespace atl::mirror
