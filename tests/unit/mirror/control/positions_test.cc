#include "mirror/control/positions.h"

#include <catch2/catch.hpp>

namespace atl::mirror {
namespace {

const TopicId kOrders = Uuid({1});
const TopicId kAudit = Uuid({2});
const RegionName kWest("eu-west");

MirrorPositions::Row Row(const TopicId& topic, int32_t partition, int64_t end) {
  return {topic, PartitionId(partition), Offset(end), LeaderEpoch(257)};
}

// (partition, applied end) of all that is said.
std::vector<std::pair<int32_t, int64_t>> Said(const std::vector<MirrorPositions>& messages) {
  std::vector<std::pair<int32_t, int64_t>> said;
  for (const MirrorPositions& message : messages) {
    for (const auto& row : message.rows)
      said.emplace_back(row.partition.value(), row.applied_end.value());
  }
  return said;
}

}  // namespace

TEST_CASE("Only what changed is said, and all of it to a new connection") {
  PositionNews news;
  REQUIRE(Said(news.Changes({Row(kOrders, 0, 5), Row(kOrders, 1, 7)})) ==
          std::vector<std::pair<int32_t, int64_t>>{{0, 5}, {1, 7}});
  REQUIRE(news.Changes({Row(kOrders, 0, 5), Row(kOrders, 1, 7)}).empty());
  REQUIRE(Said(news.Changes({Row(kOrders, 0, 5), Row(kOrders, 1, 8)})) ==
          std::vector<std::pair<int32_t, int64_t>>{{1, 8}});
  news.Forget();
  REQUIRE(Said(news.Changes({Row(kOrders, 0, 5), Row(kOrders, 1, 8)})).size() == 2);
}

TEST_CASE("A mirror that is gone is said once, and anew when it comes back") {
  PositionNews news;
  news.Changes({Row(kOrders, 0, 5), Row(kAudit, 3, 1)});
  REQUIRE(Said(news.Changes({Row(kOrders, 0, 5)})) ==
          std::vector<std::pair<int32_t, int64_t>>{{3, -1}});
  REQUIRE(news.Changes({Row(kOrders, 0, 5)}).empty());
  REQUIRE(Said(news.Changes({Row(kOrders, 0, 5), Row(kAudit, 3, 1)})) ==
          std::vector<std::pair<int32_t, int64_t>>{{3, 1}});
}

TEST_CASE("Many rows are several messages") {
  PositionNews news;
  std::vector<MirrorPositions::Row> rows;
  for (int32_t i = 0; i < 10'000; ++i) rows.push_back(Row(kOrders, i, i));
  rows.push_back(Row(kAudit, 0, 1));
  const auto messages = news.Changes(rows);
  REQUIRE(messages.size() == 2);
  REQUIRE(messages[0].rows.size() == PositionNews::kRowsPerMessage);
  REQUIRE(messages[1].rows.size() == 1);
}

TEST_CASE("A region's positions stay after it went, with their age, and go after a day") {
  ManualClock clock;
  PositionBook book([](const TopicId& topic, PartitionId) { return topic == kOrders; }, clock);
  book.Connected(kWest);
  book.Take(kWest, {{Row(kOrders, 0, 5), Row(kAudit, 0, 9), Row(kOrders, 1, 6)}});
  const WallTime heard = clock.WallNow();
  clock.Advance(std::chrono::seconds(3));
  book.Take(kWest, {{Row(kOrders, 1, -1)}});
  auto regions = book.regions();
  REQUIRE(regions.size() == 1);
  REQUIRE_FALSE(regions[0].lost.has_value());
  REQUIRE(regions[0].rows.size() ==
          1);  // Not of a topic that is not ours, nor of one that is gone.
  REQUIRE(regions[0].rows[0].applied_end == Offset(5));
  REQUIRE(regions[0].rows[0].changed == heard);

  book.Disconnected(kWest);
  const WallTime lost = clock.WallNow();
  clock.Advance(PositionBook::kForgetAfter);
  REQUIRE(book.regions()[0].lost == lost);
  clock.Advance(std::chrono::seconds(1));
  REQUIRE(book.regions().empty());
}

TEST_CASE("A region that comes back says all of it again; a topic that goes takes its rows along") {
  ManualClock clock;
  bool there = true;
  PositionBook book([&](const TopicId&, PartitionId) { return there; }, clock);
  book.Connected(kWest);
  book.Take(kWest, {{Row(kOrders, 0, 5)}});
  book.Disconnected(kWest);
  book.Connected(kWest);
  REQUIRE(book.regions()[0].rows.empty());
  book.Take(kWest, {{Row(kOrders, 0, 4)}});
  REQUIRE(book.regions()[0].rows.size() == 1);
  there = false;
  REQUIRE(book.regions()[0].rows.empty());
}

}  // namespace atl::mirror
