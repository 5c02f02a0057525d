#include "mirror/still_ends.h"

#include <array>

#include <catch2/catch.hpp>

namespace atl::mirror {
namespace {

using std::chrono::seconds;

const LinkName kLink("from-kafka-east");

MirrorRow Row(int32_t partition, std::optional<Offset> end) {
  MirrorRow row;
  row.partition = PartitionId(partition);
  row.source_end = end;
  return row;
}

TEST_CASE("An end stands still from when it was first heard, and anew from when it moved") {
  StillEnds ends;
  const MonotonicTime start(seconds(100));
  const auto still = [&ends](int32_t partition, MonotonicTime now) {
    return ends.StillFor(kLink, TopicId(), PartitionId(partition), now);
  };
  REQUIRE(still(0, start) == Duration::zero());
  ends.Note(kLink, std::array{Row(0, Offset(5)), Row(1, std::nullopt)}, start);
  ends.Note(kLink, std::array{Row(0, Offset(5)), Row(1, std::nullopt)}, start + seconds(3));
  REQUIRE(still(0, start + seconds(4)) == seconds(4));
  REQUIRE(still(1, start + seconds(4)) == Duration::zero());
  ends.Note(kLink, std::array{Row(0, Offset(6)), Row(1, Offset(0))}, start + seconds(5));
  REQUIRE(still(0, start + seconds(6)) == seconds(1));
  REQUIRE(still(1, start + seconds(6)) == seconds(1));
}

TEST_CASE("What a link does not name any more is forgotten, other links are their own") {
  StillEnds ends;
  const MonotonicTime start(seconds(100));
  ends.Note(kLink, std::array{Row(0, Offset(5))}, start);
  ends.Note(LinkName("other"), {}, start + seconds(1));
  REQUIRE(ends.StillFor(kLink, TopicId(), PartitionId(0), start + seconds(2)) == seconds(2));
  ends.Note(kLink, {}, start + seconds(2));
  REQUIRE(ends.StillFor(kLink, TopicId(), PartitionId(0), start + seconds(3)) == Duration::zero());
}

}  // namespace
}  // namespace atl::mirror
