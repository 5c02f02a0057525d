#include "mirror/verify/byte_compare.h"

#include <string>

#include "tests/unit/mirror/verify/region_rig.h"

#include <catch2/catch.hpp>

namespace atl::mirror {
namespace {

using test::MakeBatches;
using test::RegionRig;

StatusOr<ByteComparison> Compare(RegionRig& rig, int64_t first, int64_t end, const Bytes& fetched,
                                 bool deep) {
  return CompareBytes(*rig.At(), {Offset(first), Offset(end)}, fetched, deep);
}

TEST_CASE("batches that are the source's are the source's, deep or not") {
  const bool deep = GENERATE(true, false);
  RegionRig rig;
  rig.Append({.base = 0, .count = 2});
  rig.Append({.base = 5, .count = 3});
  const Bytes fetched = MakeBatches({{.base = 0, .count = 2}, {.base = 5, .count = 3}});
  const auto compared = Compare(rig, 0, 8, fetched, deep);
  REQUIRE(compared->next == Offset(8));
  REQUIRE_FALSE(compared->mismatch);
  REQUIRE(compared->bytes == ByteCount(static_cast<int64_t>(fetched.size())));
  REQUIRE(compared->last_epoch == LeaderEpoch(257));
}

TEST_CASE("a cut batch at the end of the answer is left for the next one") {
  RegionRig rig;
  rig.Fill(0, 2);
  Bytes fetched = MakeBatches({{.base = 0, .count = 2}, {.base = 2, .count = 2}});
  fetched.pop_back();
  REQUIRE(Compare(rig, 0, 4, fetched, true)->next == Offset(2));
  fetched.resize(10);
  REQUIRE(Compare(rig, 0, 4, fetched, true)->next == Offset(0));
}

TEST_CASE("a batch before the range is stepped over, one behind it ends the comparison") {
  RegionRig rig;
  rig.Fill(0, 3);
  const Bytes fetched = MakeBatches(
      {{.base = 0, .count = 2}, {.base = 2, .count = 2}, {.base = 4, .count = 2, .value = "x"}});
  const auto compared = Compare(rig, 1, 4, fetched, false);
  REQUIRE(compared->next == Offset(4));
  REQUIRE_FALSE(compared->mismatch);
}

TEST_CASE("what differs is named with both sides") {
  RegionRig rig;
  rig.Fill(0, 3);
  SECTION("another payload") {
    const Bytes fetched =
        MakeBatches({{.base = 0, .count = 2}, {.base = 2, .count = 2, .value = "x"}});
    const auto compared = Compare(rig, 0, 6, fetched, false);
    REQUIRE(compared->mismatch->batch == VerifyRange{Offset(2), Offset(4)});
    REQUIRE(compared->next == Offset(2));
  }
  SECTION("missing here") {
    const Bytes fetched = MakeBatches({{.base = 4, .count = 2}, {.base = 6, .count = 2}});
    const auto compared = Compare(rig, 4, 10, fetched, false);
    REQUIRE(compared->mismatch->batch == VerifyRange{Offset(6), Offset(8)});
    REQUIRE(compared->mismatch->cause.find("here it is none") != std::string::npos);
  }
  SECTION("missing there") {
    const Bytes fetched = MakeBatches({{.base = 0, .count = 2}, {.base = 4, .count = 2}});
    const auto compared = Compare(rig, 0, 6, fetched, false);
    REQUIRE(compared->mismatch->batch == VerifyRange{Offset(2), Offset(4)});
  }
}

TEST_CASE("a bit that rotted in our payload is found by a deep comparison only") {
  RegionRig rig;
  rig.Fill(0, 3);
  const std::string log = broker::Catalog::TopicFolder("/data", TopicName("orders"), test::kTopic) +
                          "/0/00000000000000000000.log";
  auto file = *rig.files.Open(log, OpenMode::kReadWrite);
  const Bytes first = test::MakeBatch({.base = 0, .count = 2});
  const FilePosition last_byte(static_cast<int64_t>(2 * first.size()) - 1);
  Bytes byte(1);
  REQUIRE(file->ReadAt(last_byte, byte).ok());
  byte[0] ^= std::byte{1};
  const BytesView piece(byte);
  REQUIRE(file->WriteAt(last_byte, std::span(&piece, 1)).ok());
  const Bytes fetched = MakeBatches({{.base = 0, .count = 2}, {.base = 2, .count = 2}});
  REQUIRE_FALSE(Compare(rig, 0, 4, fetched, false)->mismatch);
  const auto deep = Compare(rig, 0, 4, fetched, true);
  REQUIRE(deep->mismatch->batch == VerifyRange{Offset(2), Offset(4)});
  REQUIRE(deep->mismatch->cause.find("do not fit its crc") != std::string::npos);
}

TEST_CASE("bytes of the source that are no log are an error, not a mismatch") {
  RegionRig rig;
  rig.Fill(0, 3);
  Bytes fetched = MakeBatches({{.base = 0, .count = 2}, {.base = 2, .count = 2}});
  SECTION("damaged") {
    fetched.back() ^= std::byte{1};
    REQUIRE(Compare(rig, 0, 4, fetched, true).status().code() == StatusCode::kDataLoss);
  }
  SECTION("another magic") {
    fetched[kafka::kBatchMagicOffset] = std::byte{9};
    REQUIRE(Compare(rig, 0, 4, fetched, false).status().code() == StatusCode::kDataLoss);
  }
  SECTION("offsets that go back") {
    const Bytes back = MakeBatches({{.base = 2, .count = 2}, {.base = 0, .count = 2}});
    REQUIRE(Compare(rig, 0, 4, back, false).status().code() == StatusCode::kDataLoss);
  }
}

}  // namespace
}  // namespace atl::mirror
