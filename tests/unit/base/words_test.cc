// status, uuid, clock, random, crc32c, varint, paths: the small words.
#include <cerrno>
#include <limits>
#include <set>
#include <string>

#include "base/clock.h"
#include "base/crc32c.h"
#include "base/file.h"
#include "base/random.h"
#include "base/status.h"
#include "base/status_name.h"
#include "base/types.h"
#include "base/uuid.h"
#include "base/varint.h"

#include <catch2/catch.hpp>

namespace atl {
namespace {

TEST_CASE("A status keeps its code and puts the context in front of its message", "[status]") {
  const Status status = Corrupt("segment {}: bad crc at byte {}", "0042.log", 4096);
  REQUIRE(status.code() == StatusCode::kDataLoss);
  const Status outer = Annotate(status, "partition orders-3");
  REQUIRE(outer.code() == StatusCode::kDataLoss);
  REQUIRE(StatusMessage(outer) == "partition orders-3: segment 0042.log: bad crc at byte 4096");
  REQUIRE(Annotate(OkStatus(), "anything").ok());
}

TEST_CASE("An errno becomes the status that callers can act on", "[status]") {
  const auto code = [](int error) { return StatusFromErrno(error, "f: write").code(); };
  REQUIRE(code(ENOSPC) == StatusCode::kResourceExhausted);
  REQUIRE(code(EDQUOT) == StatusCode::kResourceExhausted);
  REQUIRE(code(EIO) == StatusCode::kDataLoss);
  REQUIRE(code(ENOENT) == StatusCode::kNotFound);
  REQUIRE(code(EEXIST) == StatusCode::kAlreadyExists);
  REQUIRE(code(EROFS) == StatusCode::kPermissionDenied);
  REQUIRE(code(ECONNRESET) == StatusCode::kUnavailable);
  REQUIRE(code(12345) == StatusCode::kInternal);
  REQUIRE(StatusMessage(StatusFromErrno(EIO, "f: write")) == "f: write: Input/output error");
}

StatusOr<int> Half(int value) {
  if (value % 2 != 0) return InvalidArgument("{} is odd", value);
  return value / 2;
}
StatusOr<int> Quarter(int value) {
  ASSIGN_OR_RETURN(const int half, Half(value));
  RETURN_IF_ERROR(Half(half).status());
  return half / 2;
}

TEST_CASE("A status code has a name for metrics", "[status]") {
  REQUIRE(StatusCodeName(StatusCode::kDataLoss) == "DATA_LOSS");
}

TEST_CASE("The status macros return the first error and pass values on", "[status]") {
  REQUIRE(Quarter(8).value() == 2);
  REQUIRE(StatusMessage(Quarter(7).status()) == "7 is odd");
  REQUIRE(StatusMessage(Quarter(6).status()) == "3 is odd");
}

TEST_CASE("A uuid is written as Kafka writes it and reads back", "[uuid]") {
  REQUIRE(Uuid().ToString() == "AAAAAAAAAAAAAAAAAAAAAA");
  std::array<uint8_t, 16> one{};
  one[15] = 1;  // Kafka's Uuid(0, 1), the metadata topic's.
  REQUIRE(Uuid(one).ToString() == "AAAAAAAAAAAAAAAAAAAAAQ");
  std::array<uint8_t, 16> all{};
  all.fill(0xFF);
  REQUIRE(Uuid(all).ToString() == "_____________________w");
  Random random(7);
  for (int i = 0; i < 1000; ++i) {
    const Uuid id = Uuid::Generate(random);
    REQUIRE(Uuid::Parse(id.ToString()) == id);
  }
}

TEST_CASE("A uuid's text is refused unless it is the one spelling of an id", "[uuid]") {
  REQUIRE_FALSE(Uuid::Parse(""));
  REQUIRE_FALSE(Uuid::Parse("AAAAAAAAAAAAAAAAAAAAA"));
  REQUIRE_FALSE(Uuid::Parse("AAAAAAAAAAAAAAAAAAAAAA=="));
  REQUIRE_FALSE(Uuid::Parse("AAAAAAAAAAAAAAAAAAAAA/"));
  REQUIRE_FALSE(Uuid::Parse("AAAAAAAAAAAAAAAAAAAAAB"));  // Spare bits set.
  REQUIRE(Uuid::Parse("AAAAAAAAAAAAAAAAAAAAAA")->is_zero());
}

TEST_CASE("Generated uuids differ, are version 4, and no command line takes one for an option",
          "[uuid]") {
  Random random(1);
  std::set<Uuid> seen;
  for (int i = 0; i < 2000; ++i) {
    const Uuid id = Uuid::Generate(random);
    REQUIRE(id.ToString().front() != '-');
    REQUIRE((id.bytes()[6] >> 4) == 4);
    REQUIRE((id.bytes()[8] >> 6) == 2);
    REQUIRE(seen.insert(id).second);
  }
}

TEST_CASE("Wall times and record timestamps convert both ways, rounded down", "[clock]") {
  const WallTime time = FromTimestamp(Timestamp(1795509941123));
  REQUIRE(ToTimestamp(time) == Timestamp(1795509941123));
  REQUIRE(ToTimestamp(time + std::chrono::nanoseconds(999999)) == Timestamp(1795509941123));
  REQUIRE(ToTimestamp(WallTime(std::chrono::nanoseconds(-1))) == Timestamp(-1));
  REQUIRE(FormatTime(time) == "2026-11-24T08:45:41.123Z");
  REQUIRE(FormatTime(FromTimestamp(Timestamp(-1))) == "1969-12-31T23:59:59.999Z");
}

TEST_CASE("A timestamp that no clock can hold is clamped instead of wrapping", "[clock]") {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  REQUIRE(FromTimestamp(Timestamp(kMost)) > FromTimestamp(Timestamp(0)));
  REQUIRE(FromTimestamp(Timestamp(-kMost - 1)) < FromTimestamp(Timestamp(0)));
}

TEST_CASE("A manual clock moves only by hand, and its wall can jump alone", "[clock]") {
  ManualClock clock;
  const MonotonicTime begin = clock.Now();
  const WallTime wall = clock.WallNow();
  clock.Advance(std::chrono::seconds(3));
  clock.JumpWall(std::chrono::hours(-1));
  REQUIRE(ToSeconds(clock.Now() - begin) == 3.0);
  REQUIRE(clock.WallNow() == wall + std::chrono::seconds(3) - std::chrono::hours(1));
}

TEST_CASE("The system's monotonic clock never goes back", "[clock]") {
  const MonotonicTime first = SystemClock().Now();
  REQUIRE(SystemClock().Now() >= first);
  REQUIRE(ToTimestamp(SystemClock().WallNow()) > Timestamp(1700000000000));
}

TEST_CASE("The same seed gives the same numbers, and a fork others", "[random]") {
  Random a(42);
  Random b(42);
  for (int i = 0; i < 100; ++i) REQUIRE(a.Next() == b.Next());
  Random fork = a.Fork();
  REQUIRE(fork.Next() != a.Next());
  REQUIRE(Random(1).Next() != Random(2).Next());
}

TEST_CASE("xoshiro256** gives the published sequence for a splitmix64 seed of zero", "[random]") {
  Random random(0);
  REQUIRE(random.Next() == 0x99EC5F36CB75F2B4);
  REQUIRE(random.Next() == 0xBF6E1F784956452A);
  REQUIRE(random.Next() == 0x1A5F849D4933E6E0);
}

TEST_CASE("Random numbers stay in their range and reach all of it", "[random]") {
  Random random(3);
  int counts[5] = {};
  for (int i = 0; i < 5000; ++i) {
    const uint64_t value = random.Below(5);
    REQUIRE(value < 5);
    ++counts[value];
    const double fraction = random.Fraction();
    REQUIRE(fraction >= 0.0);
    REQUIRE(fraction < 1.0);
  }
  for (const int count : counts) REQUIRE(count > 850);
  REQUIRE(random.Below(1) == 0);
}

TEST_CASE("System seeds differ", "[random]") { REQUIRE(SystemSeed() != SystemSeed()); }

TEST_CASE("Crc32c gives the published check values", "[crc32c]") {
  REQUIRE(Crc32c(AsBytes("123456789")) == 0xE3069283);
  REQUIRE(Crc32c({}) == 0);
  const Bytes zeros(32);
  REQUIRE(Crc32c(zeros) == 0x8A9136AA);  // RFC 3720, B.4.
  const Bytes ones(32, std::byte{0xFF});
  REQUIRE(Crc32c(ones) == 0x62A8AB43);
}

TEST_CASE("Crc32c of pieces is the crc of the whole, wherever it is cut", "[crc32c]") {
  Random random(9);
  Bytes bytes(5000);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.Below(256));
  const uint32_t whole = Crc32c(bytes);
  for (const size_t cut : {size_t{0}, size_t{1}, size_t{7}, size_t{4096}, bytes.size()}) {
    const uint32_t front = Crc32c(BytesView(bytes).first(cut));
    REQUIRE(ExtendCrc32c(front, BytesView(bytes).subspan(cut)) == whole);
  }
  bytes[2500] ^= std::byte{1};
  REQUIRE(Crc32c(bytes) != whole);
}

Bytes OfHex(std::initializer_list<int> values) {
  Bytes bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

TEST_CASE("Unsigned varints are LEB128 and read back", "[varint]") {
  const auto check = [](uint32_t value, const Bytes& expected) {
    Bytes out;
    AppendUnsignedVarint(out, value);
    REQUIRE(out == expected);
    BytesView in = out;
    uint32_t read = 0;
    REQUIRE(ReadUnsignedVarint(in, read));
    REQUIRE(read == value);
    REQUIRE(in.empty());
  };
  check(0, OfHex({0x00}));
  check(127, OfHex({0x7F}));
  check(128, OfHex({0x80, 0x01}));
  check(300, OfHex({0xAC, 0x02}));
  check(0xFFFFFFFF, OfHex({0xFF, 0xFF, 0xFF, 0xFF, 0x0F}));
}

TEST_CASE("Signed varints are zigzag and read back at their limits", "[varint]") {
  const auto check = [](int64_t value, size_t size) {
    Bytes out;
    AppendVarlong(out, value);
    REQUIRE(out.size() == size);
    BytesView in = out;
    int64_t read = 0;
    REQUIRE(ReadVarlong(in, read));
    REQUIRE(read == value);
    if (value < INT32_MIN || value > INT32_MAX) return;
    Bytes narrow;
    AppendVarint(narrow, static_cast<int32_t>(value));
    REQUIRE(narrow == out);
    in = narrow;
    int32_t read_narrow = 0;
    REQUIRE(ReadVarint(in, read_narrow));
    REQUIRE(read_narrow == value);
  };
  check(0, 1);
  check(-1, 1);
  check(63, 1);
  check(-64, 1);
  check(64, 2);
  check(INT32_MAX, 5);
  check(INT32_MIN, 5);
  check(INT64_MAX, 10);
  check(INT64_MIN, 10);
}

TEST_CASE("A varint that is cut short or does not fit is refused and consumes nothing",
          "[varint]") {
  const auto refuse32 = [](const Bytes& bytes) {
    BytesView in = bytes;
    uint32_t value = 77;
    REQUIRE_FALSE(ReadUnsignedVarint(in, value));
    REQUIRE(value == 77);
    REQUIRE(in.size() == bytes.size());
  };
  refuse32({});
  refuse32(OfHex({0x80}));
  refuse32(OfHex({0x80, 0x80, 0x80, 0x80}));
  refuse32(OfHex({0x80, 0x80, 0x80, 0x80, 0x10}));        // Bit 32.
  refuse32(OfHex({0x80, 0x80, 0x80, 0x80, 0x80, 0x00}));  // Six bytes.
  const Bytes too_long = OfHex({0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02});
  BytesView in = too_long;
  int64_t value = 0;
  REQUIRE_FALSE(ReadVarlong(in, value));
  REQUIRE(in.size() == too_long.size());
}

TEST_CASE("Paths join with one slash and know their parent", "[file]") {
  REQUIRE(JoinPath("a", "b") == "a/b");
  REQUIRE(JoinPath("a/", "b") == "a/b");
  REQUIRE(JoinPath("", "b") == "b");
  REQUIRE(ParentPath("/a/b") == "/a");
  REQUIRE(ParentPath("/a/b/") == "/a");
  REQUIRE(ParentPath("/a") == "/");
  REQUIRE(ParentPath("a") == ".");
  REQUIRE(ParentPath("a//b") == "a");
}

TEST_CASE("Epochs rise and name their owner, and no two regions mint the same", "[types]") {
  const LeaderEpoch first = LeaderEpoch::First(RegionOrdinal(3));
  REQUIRE(first.owner() == RegionOrdinal(3));
  REQUIRE(first > kNoEpoch);
  const LeaderEpoch by_one = first.Next(RegionOrdinal(1));
  const LeaderEpoch by_two = first.Next(RegionOrdinal(2));
  REQUIRE(by_one > first);
  REQUIRE(by_two > first);
  REQUIRE(by_one != by_two);
  REQUIRE(kNoEpoch.Next(RegionOrdinal(7)).owner() == RegionOrdinal(7));
}

TEST_CASE("A producer's sequence wraps to zero after the largest", "[types]") {
  REQUIRE(Sequence(5).Plus(3) == Sequence(8));
  REQUIRE(Sequence(INT32_MAX).Plus(1) == Sequence(0));
  REQUIRE(Sequence(INT32_MAX - 1).Plus(5) == Sequence(3));
}

}  // namespace
}  // namespace atl
