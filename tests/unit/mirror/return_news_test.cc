#include "mirror/return_news.h"

#include <catch2/catch.hpp>

namespace atl::mirror {
namespace {

using checkpoint::FailoverOutcome;
using checkpoint::FailoverRecord;

const RegionName kUsEast("us-east");

TopicId Id(uint8_t number) {
  std::array<uint8_t, 16> bytes{};
  bytes[0] = number;
  return TopicId(bytes);
}

FailoverRecord Move(int32_t epoch, FailoverOutcome outcome = FailoverOutcome::kDone) {
  FailoverRecord record;
  record.source = kUsEast;
  record.outcome = outcome;
  auto& topic = record.topics.emplace_back();
  topic.id = Id(1);
  topic.new_epoch = LeaderEpoch(epoch);
  topic.partitions.resize(2);
  return record;
}

ReturnedRow Row(int32_t partition, int32_t epoch, int64_t records, RegionName peer = kUsEast) {
  return {std::move(peer), {Id(1), PartitionId(partition), LeaderEpoch(epoch), records}};
}

std::optional<int64_t> Quarantined(const FailoverRecord& record, size_t partition) {
  return record.topics[0].partitions[partition].quarantined;
}

TEST_CASE("A report is completed by its old owner, partition by partition") {
  std::vector<FailoverRecord> reports = {Move(514)};
  REQUIRE(CompleteReports({Row(0, 514, 40)}, reports) == std::set<size_t>{0});
  REQUIRE(Quarantined(reports[0], 0) == 40);
  REQUIRE_FALSE(Quarantined(reports[0], 1).has_value());
  REQUIRE(CompleteReports({Row(1, 514, 0)}, reports) == std::set<size_t>{0});
  REQUIRE(Quarantined(reports[0], 1) == 0);
  REQUIRE(reports[0].topics[0].partitions[0].lost_at_most == 40);  // Unknown until then.
  REQUIRE(reports[0].topics[0].partitions[1].lost_at_most == 0);
}

TEST_CASE("What belongs to no report changes none") {
  std::vector<FailoverRecord> reports = {Move(514), Move(514, FailoverOutcome::kRolledBack)};
  const std::vector<ReturnedRow> told = {
      Row(0, 513, 40),                          // It follows an owner before that move.
      Row(7, 514, 40),                          // No such partition.
      Row(0, 514, 40, RegionName("ap-south")),  // Not the old owner.
      {kUsEast, {Id(2), PartitionId(0), LeaderEpoch(514), 40}},
  };
  REQUIRE(CompleteReports(told, reports).empty());
  REQUIRE_FALSE(Quarantined(reports[0], 0).has_value());
}

TEST_CASE("Of several moves the newest whose epoch the old owner follows is meant") {
  std::vector<FailoverRecord> reports = {Move(1538), Move(514)};
  REQUIRE(CompleteReports({Row(0, 514, 40), Row(0, 1800, 3)}, reports) == std::set<size_t>{0, 1});
  REQUIRE(Quarantined(reports[0], 0) == 3);
  REQUIRE(Quarantined(reports[1], 0) == 40);
}

TEST_CASE("A count that was told once does not fall when tails are dropped") {
  std::vector<FailoverRecord> reports = {Move(514)};
  REQUIRE(CompleteReports({Row(0, 514, 40)}, reports).size() == 1);
  REQUIRE(CompleteReports({Row(0, 514, 0), Row(0, 514, 40)}, reports).empty());
  REQUIRE(Quarantined(reports[0], 0) == 40);
}

}  // namespace
}  // namespace atl::mirror
