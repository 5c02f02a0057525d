#include "mirror/verify/compare.h"

#include <limits>
#include <string>
#include <vector>

#include "tests/unit/mirror/verify/region_rig.h"

#include <catch2/catch.hpp>

namespace atl::mirror {
namespace {

using test::kTopic;
using test::RegionRig;

constexpr uint64_t kAll = std::numeric_limits<uint64_t>::max();

RangeDigest DigestOf(RegionRig& rig, int64_t first, int64_t end, uint64_t most = kAll) {
  return *DigestLog(*rig.At(), {Offset(first), Offset(end)}, most);
}

// An owner and a mirror of it.
struct Pair {
  RegionRig owner;
  RegionRig mirror;
  PartitionCheck check;
  int asked = 0;

  AskDigests Ask() {
    return [this](const DigestsRequest& request) -> StatusOr<Digests> {
      ++asked;
      return AnswerDigests(request, *owner.catalog.view());
    };
  }
  // Until nothing moves any more.
  void Compare() {
    const VerifyTarget target = mirror.Target();
    const std::vector<CheckSlot> slots{{&target, &check}};
    for (int round = 0; round < 100; ++round) {
      if (!CompareDigests(slots, *mirror.catalog.view(), Ask(), mirror.clock.WallNow())) return;
    }
    FAIL("it never ends");
  }
};

TEST_CASE("equal batches have equal digests however the ranges are cut") {
  RegionRig a;
  RegionRig b;
  a.Fill(0, 10);
  b.Fill(0, 10);
  REQUIRE(DigestOf(a, 0, 20).batches == 10);
  REQUIRE(DigestOf(a, 0, 20).SameBatches(DigestOf(b, 0, 20)));
  REQUIRE(DigestOf(a, 3, 20).batches == 8);  // The batch of 2 begins before 3.
  REQUIRE(DigestOf(a, 0, 3).batches == 2);
  REQUIRE_FALSE(DigestOf(a, 0, 18).SameBatches(DigestOf(b, 0, 20)));
}

TEST_CASE("a batch that differs in anything its reader can see has another digest") {
  const test::BatchSpec other =
      GENERATE(test::BatchSpec{.base = 2, .count = 2, .value = "VALUE"},
               test::BatchSpec{.base = 2, .count = 2, .epoch = 513},
               test::BatchSpec{.base = 3, .count = 1}, test::BatchSpec{.base = 2, .count = 1},
               test::BatchSpec{.base = 2, .count = 2, .timestamp = 7});
  RegionRig a;
  RegionRig b;
  a.Fill(0, 2);
  b.Fill(0, 1);
  b.Append(other);
  REQUIRE_FALSE(DigestOf(a, 0, 4).SameBatches(DigestOf(b, 0, 4)));
  REQUIRE(DigestOf(a, 0, 2).SameBatches(DigestOf(b, 0, 2)));
}

TEST_CASE("a hole of the source is a hole in both digests") {
  RegionRig a;
  a.Fill(0, 1);
  a.Append({.base = 10, .count = 2});
  REQUIRE(DigestOf(a, 0, 12).batches == 2);
  REQUIRE(DigestOf(a, 2, 10).batches == 0);
  REQUIRE(DigestOf(a, 2, 10).range == VerifyRange{Offset(2), Offset(10)});
}

TEST_CASE("an answer ends behind a batch when its budget is used up") {
  RegionRig a;
  a.Fill(0, 10);
  const RangeDigest some = DigestOf(a, 0, 20, 3);
  REQUIRE(some.batches == 3);
  REQUIRE(some.range == VerifyRange{Offset(0), Offset(6)});
}

TEST_CASE("whatever a peer asks, the answer is about what is there") {
  RegionRig a;
  a.Fill(0, 5);
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  const VerifyRange nothing =
      GENERATE(VerifyRange{Offset(-5), Offset(-1)}, VerifyRange{Offset(10), Offset(kMax)},
               VerifyRange{Offset(4), Offset(4)}, VerifyRange{Offset(9), Offset(2)},
               VerifyRange{Offset(kMax), Offset(kMax)},
               VerifyRange{Offset(std::numeric_limits<int64_t>::min()), Offset(0)});
  DigestsRequest request;
  request.rows.push_back({kTopic, PartitionId(0), nothing.first, nothing.end});
  request.rows.push_back({kTopic, PartitionId(-1), Offset(0), Offset(10)});
  request.rows.push_back({kTopic, PartitionId(2), Offset(0), Offset(10)});
  request.rows.push_back({TopicId(), PartitionId(0), Offset(0), Offset(10)});
  request.rows.push_back({kTopic, PartitionId(0), Offset(-7), Offset(kMax)});
  const Digests answer = AnswerDigests(request, *a.catalog.view());
  REQUIRE(answer.rows.size() == 5);
  for (size_t i = 0; i < 4; ++i) {
    REQUIRE(answer.rows[i].batches == 0);
    REQUIRE(answer.rows[i].first == answer.rows[i].end);
  }
  REQUIRE(answer.rows[4].batches == 5);
  REQUIRE(answer.rows[4].first == Offset(0));
  REQUIRE(answer.rows[4].end == Offset(10));
}

TEST_CASE("more rows than an answer may have are not answered") {
  RegionRig a;
  DigestsRequest request;
  request.rows.resize(kMostDigestRows + 5);
  REQUIRE(AnswerDigests(request, *a.catalog.view()).rows.size() == kMostDigestRows);
}

TEST_CASE("a mirror that is equal is verified up to its applied end, and goes on from there") {
  Pair pair;
  pair.owner.Fill(0, 20);
  pair.mirror.Fill(0, 10);
  pair.Compare();
  REQUIRE(pair.check.verified_to() == Offset(20));
  REQUIRE_FALSE(pair.check.mismatch());
  const int asked = pair.asked;
  pair.Compare();  // Nothing new: nobody is asked.
  REQUIRE(pair.asked == asked);
  pair.mirror.Fill(20, 10);
  pair.Compare();
  REQUIRE(pair.check.verified_to() == Offset(40));
}

TEST_CASE("the first batch that differs is found and named, whichever it is") {
  const int bad = GENERATE(0, 1, 7, 30, 63);
  Pair pair;
  pair.owner.Fill(0, 64);
  for (int i = 0; i < 64; ++i) {
    const bool differs = i == bad || i == 63;  // A later one must not be named.
    pair.mirror.Append(
        {.base = 2 * i, .count = 2, .value = differs ? std::string("other") : "value"});
  }
  pair.Compare();
  REQUIRE(pair.check.mismatch());
  REQUIRE(pair.check.mismatch()->batch == VerifyRange{Offset(2 * bad), Offset(2 * bad + 2)});
  REQUIRE(pair.check.mismatch()->cause.find("offset " + std::to_string(2 * bad)) !=
          std::string::npos);
  REQUIRE(pair.check.status().mismatch);
  REQUIRE(pair.check.verified_to() == (bad == 0 ? kNoOffset : Offset(2 * bad)));
  // It stays until somebody decides.
  const int asked = pair.asked;
  pair.Compare();
  REQUIRE(pair.asked == asked);
}

TEST_CASE("a batch that is missing here is named by its place") {
  Pair pair;
  pair.owner.Fill(0, 10);
  pair.mirror.Fill(0, 4);
  pair.mirror.Fill(10, 5);  // Not [8, 10).
  pair.Compare();
  REQUIRE(pair.check.mismatch()->batch.first == Offset(8));
}

TEST_CASE("retention on either side takes what it takes out of the comparison") {
  Pair pair;
  pair.owner.Fill(0, 10);
  pair.mirror.Append({.base = 0, .count = 2, .value = "other"});
  pair.mirror.Fill(2, 9);
  const bool here = GENERATE(true, false);
  (here ? pair.mirror : pair.owner).TrimTo(2);
  pair.Compare();
  REQUIRE_FALSE(pair.check.mismatch());
  REQUIRE(pair.check.verified_to() == Offset(20));
}

TEST_CASE("an operator accepts what differs, or has it compared again") {
  Pair pair;
  pair.owner.Fill(0, 10);
  pair.mirror.Fill(0, 3);
  pair.mirror.Append({.base = 6, .count = 2, .value = "other"});
  pair.mirror.Fill(8, 6);
  pair.Compare();
  REQUIRE(pair.check.mismatch()->batch.first == Offset(6));
  pair.check.OnOperator(false);
  pair.Compare();
  REQUIRE(pair.check.mismatch()->batch.first == Offset(6));
  pair.check.OnOperator(true);
  pair.Compare();
  REQUIRE_FALSE(pair.check.mismatch());
  REQUIRE(pair.check.verified_to() == Offset(20));
}

TEST_CASE("records that a higher epoch replaced are compared again") {
  Pair pair;
  pair.owner.Fill(0, 10);
  pair.mirror.Fill(0, 10);
  pair.Compare();
  REQUIRE(pair.check.epoch() == LeaderEpoch(257));
  // Our log was cut to 8 and goes on under epoch 513 beyond where it ended.
  pair.check.OnLog({Offset(0), Offset(30)}, Offset(8));
  REQUIRE(pair.check.verified_to() == Offset(8));
  REQUIRE(pair.check.Next() == VerifyRange{Offset(8), Offset(30)});
  // All of our epochs are gone.
  pair.check.OnLog({Offset(0), Offset(30)}, kNoOffset);
  REQUIRE(pair.check.verified_to() == kNoOffset);
}

TEST_CASE("a peer that answers nonsense changes nothing") {
  Pair pair;
  pair.mirror.Fill(0, 5);
  const VerifyTarget target = pair.mirror.Target();
  const std::vector<CheckSlot> slots{{&target, &pair.check}};
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  Digests::Row row{kTopic, PartitionId(0), Offset(0), Offset(10), 1, 1};
  std::vector<Digests::Row> rows{row};
  SECTION("a range that was not asked") { rows[0].end = Offset(kMax); }
  SECTION("a negative range") { rows[0].first = Offset(-9); }
  SECTION("a range that runs backwards") { rows[0].first = Offset(kMax); }
  SECTION("another topic") { rows[0].topic = TopicId(); }
  SECTION("another partition") { rows[0].partition = PartitionId(1); }
  SECTION("nothing") { rows.clear(); }
  SECTION("too much") { rows.push_back(row); }
  const auto lie = [&](const DigestsRequest&) -> StatusOr<Digests> { return Digests{rows}; };
  REQUIRE_FALSE(CompareDigests(slots, *pair.mirror.catalog.view(), lie, WallTime()));
  REQUIRE(pair.check.verified_to() == kNoOffset);
  REQUIRE_FALSE(pair.check.mismatch());
  REQUIRE_FALSE(pair.check.status().reason.empty());
}

TEST_CASE("a peer whose answers contradict each other ends the search all the same") {
  Pair pair;
  pair.owner.Fill(0, 100);
  pair.mirror.Fill(0, 100);
  const VerifyTarget target = pair.mirror.Target();
  const std::vector<CheckSlot> slots{{&target, &pair.check}};
  bool whole = true;  // The whole differs, and no part of it does.
  const auto lie = [&](const DigestsRequest& request) -> StatusOr<Digests> {
    Digests answer = AnswerDigests(request, *pair.owner.catalog.view());
    if (std::exchange(whole, false)) answer.rows[0].digest ^= 1;
    return answer;
  };
  int rounds = 0;
  while (CompareDigests(slots, *pair.mirror.catalog.view(), lie, WallTime())) {
    REQUIRE(++rounds < 100);
  }
  REQUIRE_FALSE(pair.check.mismatch());
  REQUIRE(pair.check.verified_to() == Offset(200));
}

TEST_CASE("without a connection nothing is compared and the reason says so") {
  Pair pair;
  pair.mirror.Fill(0, 5);
  const VerifyTarget target = pair.mirror.Target();
  const std::vector<CheckSlot> slots{{&target, &pair.check}};
  const auto ask = [](const DigestsRequest&) -> StatusOr<Digests> {
    return Unavailable("us-east is not connected");
  };
  REQUIRE_FALSE(CompareDigests(slots, *pair.mirror.catalog.view(), ask, WallTime()));
  REQUIRE(pair.check.status().reason == "not available: us-east is not connected");
}

}  // namespace
}  // namespace atl::mirror
