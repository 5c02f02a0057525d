#include "mirror/pull/verify.h"

#include <limits>
#include <vector>

#include "base/random.h"
#include "tests/unit/mirror/pull/batches.h"

#include <catch2/catch.hpp>

namespace atl::mirror {
namespace {

using test::MakeBatch;
using test::MakeBatches;

struct Outcome {
  Verified verified;
  std::vector<kafka::BatchView> good;
};

Outcome Verify(BytesView records, int64_t next, int64_t high_watermark = int64_t{1} << 40,
               int32_t epoch = 257) {
  Outcome out;
  out.verified = VerifyBatches(records, {.next = Offset(next), .epoch = LeaderEpoch(epoch)},
                               Offset(high_watermark), out.good);
  return out;
}

TEST_CASE("nothing beyond the source's high watermark is taken (S3)") {
  const Bytes records = MakeBatches({{.base = 0, .count = 5}, {.base = 5, .count = 5}});
  const Outcome out = Verify(records, 0, 7);
  REQUIRE(out.good.size() == 1);
  REQUIRE_FALSE(out.verified.bad);
  REQUIRE(out.verified.position.next == Offset(5));
}

TEST_CASE("a batch that begins before the position and ends behind it is told apart") {
  const Bytes records = MakeBatch({.base = 5, .count = 5});
  const Outcome out = Verify(records, 7);
  REQUIRE(out.good.empty());
  REQUIRE(out.verified.overlap);
  REQUIRE(out.verified.overlap->base_offset == Offset(5));
}

TEST_CASE("batches that overlap each other are bad") {
  const Bytes records = MakeBatches({{.base = 0, .count = 5}, {.base = 4, .count = 5}});
  const Outcome out = Verify(records, 0);
  REQUIRE(out.good.size() == 1);
  REQUIRE(out.verified.bad);
  REQUIRE(out.verified.bad->next == kNoOffset);
}

TEST_CASE("a length that no batch has is bad, not a reason to ask for more") {
  Bytes records = MakeBatch({});
  StoreBig<int32_t>(records.data() + kafka::kBatchLengthOffset,
                    std::numeric_limits<int32_t>::max());
  const Outcome out = Verify(records, 0);
  REQUIRE(out.verified.bad);
  REQUIRE_FALSE(out.verified.cut);
}

TEST_CASE("an offset near the end of all offsets is bad") {
  Bytes records = MakeBatch({});
  StoreBig<int64_t>(records.data(), std::numeric_limits<int64_t>::max());
  const Outcome out = Verify(records, 0, std::numeric_limits<int64_t>::max());
  REQUIRE(out.verified.bad);
  REQUIRE(out.good.empty());
}

TEST_CASE("every cut of an answer gives a prefix and no fault") {
  const Bytes records =
      MakeBatches({{.base = 0, .count = 2}, {.base = 2}, {.base = 3, .count = 3}});
  for (size_t length = 0; length <= records.size(); ++length) {
    const Outcome out = Verify(BytesView(records).first(length), 0);
    REQUIRE_FALSE(out.verified.bad);
    REQUIRE(out.verified.cut == (out.good.empty() && length > 0));
  }
}

TEST_CASE("no flipped bit under the CRC is ever taken (S20)") {
  const Bytes records = MakeBatch({.base = 0, .count = 2});
  for (size_t byte = kafka::kBatchCrcStart; byte < records.size(); ++byte) {
    for (int bit = 0; bit < 8; ++bit) {
      Bytes flipped = records;
      flipped[byte] ^= std::byte(1 << bit);
      const Outcome out = Verify(flipped, 0);
      REQUIRE(out.good.empty());
      REQUIRE(out.verified.bad);
    }
  }
}

TEST_CASE("random bytes are refused without harm") {
  Random random(7);
  for (int round = 0; round < 20'000; ++round) {
    Bytes records = round % 2 == 0 ? Bytes(random.Below(200)) : MakeBatches({{}, {.base = 1}});
    const size_t changes = round % 2 == 0 ? records.size() : 1 + random.Below(4);
    for (size_t i = 0; i < changes && !records.empty(); ++i) {
      records[random.Below(records.size())] = std::byte(random.Below(256));
    }
    const Outcome out = Verify(records, 0);
    Offset end{0};
    for (const kafka::BatchView& batch : out.good) {
      REQUIRE(batch.CrcMatches());
      REQUIRE(batch.header().base_offset >= end);
      end = batch.header().next_offset();
    }
  }
}

}  // namespace
}  // namespace atl::mirror
