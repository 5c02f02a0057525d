#include "checkpoint/keys.h"

#include <array>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

namespace atl::checkpoint {
namespace {

TopicId Id(uint8_t last) {
  std::array<uint8_t, 16> bytes{};
  bytes[0] = 0x11;
  bytes[15] = last;
  return TopicId(bytes);
}

const LinkName kLink("from-us-east");

}  // namespace

TEST_CASE("Keys lie in the order of their numbers", "[checkpoint]") {
  const auto partition = [](int32_t number) {
    return PartitionKey(TableId::kPartitionState, Id(1), PartitionId(number));
  };
  REQUIRE(partition(0) < partition(1));
  REQUIRE(partition(1) < partition(256));
  REQUIRE(partition(255) < partition(256));
  REQUIRE(partition(65'535) < partition(1'000'000));
  REQUIRE(partition(INT32_MAX) < PartitionKey(TableId::kPartitionState, Id(2), PartitionId(0)));
  REQUIRE(EventKey(9) < EventKey(10));
  REQUIRE(EventKey(255) < EventKey(256));
  REQUIRE(EventKey(INT64_MAX - 1) < EventKey(INT64_MAX));
}

TEST_CASE("A link's keys don't lie under the prefix of a link with a shorter name",
          "[checkpoint]") {
  const std::string longer = MirrorPositionKey(LinkName("a-b"), Id(1), PartitionId(0));
  REQUIRE_FALSE(longer.starts_with(LinkKey(TableId::kMirrorPosition, LinkName("a"))));
  REQUIRE(longer.starts_with(LinkKey(TableId::kMirrorPosition, LinkName("a-b"))));
}

// These bytes are on disks. A failure here means a store that older versions wrote can't be read.
TEST_CASE("The layout of every key is what it was when the first store was written",
          "[checkpoint]") {
  const std::string id("\x11\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x07", 16);
  const std::string three("\0\0\0\x03", 4);
  const std::string link("from-us-east\0", 13);
  const std::vector<std::pair<std::string, std::string>> rows = {
      {TablePrefix(TableId::kRegionIdentity), "\x01"},
      {TablePrefix(TableId::kCleanShutdown), "\x02"},
      {TablePrefix(TableId::kProducerIdBlock), "\x03"},
      {TopicKey(TableId::kTopic, Id(7)), "\x10" + id},
      {PartitionKey(TableId::kPartitionState, Id(7), PartitionId(3)), "\x11" + id + three},
      {PartitionKey(TableId::kProducerSnapshot, Id(7), PartitionId(3)), "\x12" + id + three},
      {PartitionKey(TableId::kTransactionSnapshot, Id(7), PartitionId(3)), "\x13" + id + three},
      {MirrorPositionKey(kLink, Id(7), PartitionId(3)), "\x20" + link + id + three},
      {LinkKey(TableId::kLinkState, kLink), "\x21" + link},
      {LinkTopicKey(kLink, TopicName("orders")), "\x22" + link + std::string("orders\0", 7)},
      {VerifiedKey(kLink, Id(7), PartitionId(3)), "\x25" + link + id + three},
      {TopicKey(TableId::kOwnership, Id(7)), "\x30" + id},
      {EventKey(258), "\x40" + std::string("\0\0\0\0\0\0\x01\x02", 8)},
  };
  for (const auto& [key, expected] : rows) REQUIRE(key == expected);
}

TEST_CASE("Keys are printed in words, and what no table explains in hex", "[checkpoint]") {
  const std::string id = Id(7).ToString();
  const std::vector<std::pair<std::string, std::string>> rows = {
      {TablePrefix(TableId::kRegionIdentity), "region-identity"},
      {TablePrefix(TableId::kCleanShutdown), "clean-shutdown"},
      {TablePrefix(TableId::kProducerIdBlock), "producer-id-block"},
      {TopicKey(TableId::kTopic, Id(7)), "topic/" + id},
      {PartitionKey(TableId::kPartitionState, Id(7), PartitionId(3)), "partition/" + id + "/3"},
      {PartitionKey(TableId::kProducerSnapshot, Id(7), PartitionId(3)), "producers/" + id + "/3"},
      {PartitionKey(TableId::kTransactionSnapshot, Id(7), PartitionId(3)),
       "transactions/" + id + "/3"},
      {MirrorPositionKey(kLink, Id(7), PartitionId(3)),
       "mirror-position/from-us-east/" + id + "/3"},
      {LinkKey(TableId::kLinkState, kLink), "link/from-us-east"},
      {LinkTopicKey(kLink, TopicName("orders")), "link-topic/from-us-east/orders"},
      {VerifiedKey(kLink, Id(7), PartitionId(3)), "verified/from-us-east/" + id + "/3"},
      {TopicKey(TableId::kOwnership, Id(7)), "ownership/" + id},
      {EventKey(258), "event/258"},
      {"", "unknown/0x"},
      {"\x7F"
       "ab",
       "unknown/0x7f6162"},
      {"\x10short", "unknown/0x1073686f7274"},
      {"\x01"
       "more",
       "unknown/0x016d6f7265"},
      {"\x21no end", "unknown/0x216e6f20656e64"},
  };
  for (const auto& [key, expected] : rows) REQUIRE(PrintableKey(key) == expected);
}

TEST_CASE("An event's id is read from its key and from no other", "[checkpoint]") {
  REQUIRE(EventIdOf(EventKey(258)).value() == 258);
  REQUIRE(EventIdOf("\x40").status().code() == StatusCode::kDataLoss);
  REQUIRE(EventIdOf(TopicKey(TableId::kTopic, Id(1))).status().code() == StatusCode::kDataLoss);
}

}  // namespace atl::checkpoint
