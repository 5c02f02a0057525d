#include <fmt/core.h>

#include "core-broker/log/filename.h"
#include "core-broker/log/offset_index.h"
#include "core-broker/log/retention.h"
#include "core-broker/log/time_index.h"

#include <catch2/catch.hpp>

namespace atl::broker {
namespace {

constexpr Offset kBase{100};

OffsetIndex ThreeEntries() {
  OffsetIndex index(kBase);
  index.Add({Offset(109), FilePosition(50)});
  index.Add({Offset(119), FilePosition(150)});
  index.Add({Offset(129), FilePosition(250)});
  return index;
}

std::string Hex(const Bytes& bytes) {
  std::string text;
  for (const std::byte b : bytes) text += fmt::format("{:02x}", static_cast<unsigned>(b));
  return text;
}

}  // namespace

TEST_CASE("Segment files carry Kafka's names, and nothing else is taken for one", "[log]") {
  REQUIRE(SegmentFileName(Offset(42), SegmentFileKind::kLog) == "00000000000000000042.log");
  REQUIRE(SegmentFileName(Offset(0), SegmentFileKind::kTimeIndex) ==
          "00000000000000000000.timeindex");
  for (const SegmentFileKind kind :
       {SegmentFileKind::kLog, SegmentFileKind::kOffsetIndex, SegmentFileKind::kTimeIndex}) {
    REQUIRE(ParseSegmentFileName(SegmentFileName(Offset(7), kind)) == SegmentFile{Offset(7), kind});
  }
  REQUIRE(ParseSegmentFileName(CutFileName(Offset(7), FilePosition(9))) ==
          SegmentFile{Offset(7), SegmentFileKind::kCut});
  for (const char* name :
       {"", "x.log", "0000000000000000004.log", "00000000000000000042", "00000000000000000042.logs",
        "-0000000000000000001.log", "000000000000000000042.log", "99999999999999999999.log"}) {
    INFO(name);
    REQUIRE_FALSE(ParseSegmentFileName(name).has_value());
  }
}

TEST_CASE("The offset index finds the last entry at or before an offset or a position", "[log]") {
  const OffsetIndex index = ThreeEntries();
  REQUIRE_FALSE(index.Floor(Offset(108)).has_value());
  REQUIRE(index.Floor(Offset(109)) == IndexEntry{Offset(109), FilePosition(50)});
  REQUIRE(index.Floor(Offset(118)) == IndexEntry{Offset(109), FilePosition(50)});
  REQUIRE(index.Floor(Offset(5000)) == IndexEntry{Offset(129), FilePosition(250)});
  REQUIRE_FALSE(index.Floor(FilePosition(49)).has_value());
  REQUIRE(index.Floor(FilePosition(150)) == IndexEntry{Offset(119), FilePosition(150)});
}

TEST_CASE("The indexes are written in Kafka's big-endian format and read back", "[log]") {
  const Bytes offsets = ThreeEntries().Encode(1);
  REQUIRE(Hex(offsets) == "00000013000000960000001d000000fa");
  bool whole = false;
  const OffsetIndex read =
      OffsetIndex::Decode(kBase, ThreeEntries().Encode(0), ByteCount(1000), whole);
  REQUIRE(whole);
  REQUIRE(read.last() == ThreeEntries().last());

  TimeIndex times(kBase);
  times.MaybeAdd({Timestamp(1000), Offset(101)});
  times.MaybeAdd({Timestamp(1000), Offset(102)});  // Not younger: left out.
  times.MaybeAdd({Timestamp(2000), Offset(103)});
  REQUIRE(Hex(times.Encode(0)) == "00000000000003e80000000100000000000007d000000003");
  const TimeIndex times_read = TimeIndex::Decode(kBase, times.Encode(0), whole);
  REQUIRE(whole);
  REQUIRE(times_read.Floor(Timestamp(1999)) == TimeEntry{Timestamp(1000), Offset(101)});
  REQUIRE(times_read.last() == TimeEntry{Timestamp(2000), Offset(103)});
}

TEST_CASE("A damaged index is cut at the first entry that can't be true", "[log]") {
  bool whole = true;
  Bytes bytes = ThreeEntries().Encode(0);
  SECTION("A position behind the segment's end") {
    const OffsetIndex index = OffsetIndex::Decode(kBase, bytes, ByteCount(200), whole);
    REQUIRE(index.size() == 2);
  }
  SECTION("Zeros, as a torn write leaves them") {
    std::fill(bytes.begin() + 8, bytes.end(), std::byte{0});
    const OffsetIndex index = OffsetIndex::Decode(kBase, bytes, ByteCount(1000), whole);
    REQUIRE(index.size() == 1);
  }
  SECTION("Half an entry") {
    bytes.pop_back();
    const OffsetIndex index = OffsetIndex::Decode(kBase, bytes, ByteCount(1000), whole);
    REQUIRE(index.size() == 2);
  }
  REQUIRE_FALSE(whole);
}

TEST_CASE("Truncating an index forgets the entries of offsets at or behind the end", "[log]") {
  OffsetIndex index = ThreeEntries();
  index.TruncateFrom(Offset(119));
  REQUIRE(index.size() == 1);
  index.TruncateFrom(kBase);
  REQUIRE_FALSE(index.last().has_value());
}

TEST_CASE("Retention takes whole segments from the oldest, below the high watermark", "[log]") {
  const std::vector<SegmentFacts> segments = {{Offset(10), ByteCount(100), Timestamp(1'000)},
                                              {Offset(20), ByteCount(100), Timestamp(2'000)},
                                              {Offset(30), ByteCount(100), Timestamp(9'000)}};
  const auto expired = [&](RetentionRules rules, int64_t now, int64_t high_watermark) {
    return ExpiredSegments(segments, rules, Timestamp(now), Offset(high_watermark));
  };
  const RetentionRules second{std::chrono::seconds(1), {}};
  REQUIRE(expired({}, 1'000'000, 30) == 0);
  REQUIRE(expired(second, 2'000, 30) == 0);  // Exactly as old as allowed.
  REQUIRE(expired(second, 2'001, 30) == 1);
  REQUIRE(expired(second, 5'000, 30) == 2);
  REQUIRE(expired(second, 5'000, 19) == 1);   // The second is not wholly visible.
  REQUIRE(expired(second, 50'000, 30) == 3);  // The active one, too, once all of it is old.
  REQUIRE(expired({{}, ByteCount(250)}, 0, 30) == 0);  // Kafka keeps what would fall below.
  REQUIRE(expired({{}, ByteCount(200)}, 0, 30) == 1);
  REQUIRE(expired({{}, ByteCount(99)}, 0, 30) == 2);
  REQUIRE(expired({std::chrono::seconds(1), ByteCount(200)}, 5'000, 30) == 2);
}

TEST_CASE("A timestamp from the future keeps its segment and all behind it", "[log]") {
  const std::vector<SegmentFacts> segments = {{Offset(10), ByteCount(100), Timestamp(99'000)},
                                              {Offset(20), ByteCount(100), Timestamp(1'000)}};
  const RetentionRules second{std::chrono::seconds(1), {}};
  REQUIRE(ExpiredSegments(segments, second, Timestamp(50'000), Offset(20)) == 0);
  const std::vector<SegmentFacts> timeless = {{Offset(10), ByteCount(100), kNoTimestamp}};
  REQUIRE(ExpiredSegments(timeless, second, Timestamp(50'000), Offset(20)) == 0);
}

}  // namespace atl::broker
