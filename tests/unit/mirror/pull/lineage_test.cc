// Where a log leaves the owner's history, by the lineage alone.
#include "mirror/pull/lineage.h"

#include <vector>

#include <catch2/catch.hpp>

namespace atl::mirror {
namespace {

constexpr int64_t kNone = kNoOffset.value();
constexpr int32_t Epoch(int32_t counter, int32_t owner) { return counter << 8 | owner; }

struct Span {
  int32_t epoch;
  int64_t start;
};
struct Stay {
  int32_t epoch;
  int32_t owner;
  int64_t cut;
};
// Regions 1, 2 and 3; 0 is a Kafka cluster.
Stay At(int32_t counter, int32_t owner, int64_t cut) { return {Epoch(counter, owner), owner, cut}; }

struct Case {
  const char* what;
  std::vector<Span> log;  // Of [10, 100).
  std::vector<Stay> lineage;
  int64_t known;
  int64_t doubted;
};

void Check(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    INFO(c.what);
    SinkEnd log{.log_start = Offset(10),
                .log_end = Offset(100),
                .durable_end = Offset(100),
                .last_batch = {}};
    for (const Span& span : c.log) {
      log.epochs.push_back({LeaderEpoch(span.epoch), Offset(span.start)});
    }
    std::vector<Stint> stints;
    for (const Stay& stay : c.lineage) {
      stints.push_back({LeaderEpoch(stay.epoch), RegionOrdinal(stay.owner), Offset(stay.cut)});
    }
    const Fork fork = ForkOf(stints, log);
    REQUIRE(fork.known == Offset(c.known));
    REQUIRE(fork.doubted == Offset(c.doubted));
  }
}

TEST_CASE("A lineage tells where a log leaves the owner's history") {
  Check({
      {"it goes on behind the cut", {{Epoch(1, 1), 10}}, {At(1, 1, 0), At(2, 2, 60)}, 60, kNone},
      {"it ends at the cut", {{Epoch(1, 1), 10}}, {At(1, 1, 0), At(2, 2, 100)}, kNone, kNone},
      {"it ends before the cut", {{Epoch(1, 1), 10}}, {At(1, 1, 0), At(2, 2, 150)}, kNone, kNone},
      {"all of it is behind the cut", {{Epoch(1, 1), 10}}, {At(1, 1, 0), At(2, 2, 5)}, 10, kNone},
      {"the first of several moves decides",
       {{Epoch(1, 1), 10}},
       {At(1, 1, 0), At(2, 2, 60), At(3, 3, 80)},
       60,
       kNone},
      {"an owner's restarts part nothing",
       {{Epoch(1, 1), 10}, {Epoch(2, 1), 50}},
       {At(1, 1, 0), At(2, 1, kNone), At(3, 2, 70)},
       70,
       kNone},
      {"restarts that nobody heard of",
       {{Epoch(1, 1), 10}, {Epoch(2, 1), 70}},
       {At(1, 1, 0), At(1025, 2, 65)},
       65,
       kNone},
      {"restarts from before the lineage begins",
       {{Epoch(1, 1), 10}, {Epoch(2, 1), 40}},
       {At(3, 1, kNone), At(4, 2, 60)},
       60,
       kNone},
      {"an epoch minted behind the present owner's back is nowhere in its history",
       {{Epoch(1, 1), 10}, {Epoch(5, 2), 50}},
       {At(1, 1, 0), At(1029, 3, 90)},
       50,
       kNone},
      {"away and back again: what came between is another owner's",
       {{Epoch(1, 1), 10}},
       {At(1, 1, 0), At(2, 2, 60), At(3, 1, 80)},
       60,
       kNone},
      {"a stint that both know is common",
       {{Epoch(1, 1), 10}, {Epoch(2, 2), 60}},
       {At(1, 1, 0), At(2, 2, 60), At(3, 3, 80)},
       80,
       kNone},
  });
}

TEST_CASE("What no lineage tells is doubted, from the first epoch in question on") {
  Check({
      {"nobody told the cut", {{Epoch(1, 1), 10}}, {At(1, 1, 0), At(2, 2, kNone)}, kNone, 10},
      {"nobody told an older cut",
       {{Epoch(1, 1), 10}, {Epoch(2, 2), 60}},
       {At(1, 1, 0), At(2, 2, kNone), At(3, 3, 80)},
       80,
       10},
      {"nobody told of the move", {{Epoch(1, 1), 10}}, {At(1, 1, 0)}, kNone, 10},
      {"nobody told anything", {{Epoch(1, 1), 10}}, {}, kNone, 10},
      // Its epochs name no owner: 258 looks like region 2's.
      {"from a Kafka cluster", {{258, 10}, {514, 30}}, {{300, 0, kNone}, At(9, 2, 60)}, 60, kNone},
      {"from a Kafka cluster, with a region of its number",
       {{5, 10}},
       {{3, 0, kNone}, At(9, 2, 60)},
       60,
       kNone},
  });
}

TEST_CASE("A partition that is younger than a cut has none there") {
  checkpoint::OwnershipRecord record;
  const LeaderEpoch first = LeaderEpoch::First(RegionOrdinal(1));
  const LeaderEpoch moved = first.Next(RegionOrdinal(2));
  record.lineage = {{first, RegionOrdinal(1), {Offset(0)}},
                    {moved, RegionOrdinal(2), {Offset(60), Offset(70)}}};
  const Ownership second = OwnershipOf(record, PartitionId(1), moved);
  REQUIRE(second.source_epoch == moved);
  REQUIRE(second.moved_at == moved);
  REQUIRE(second.stints == std::vector<Stint>{{first, RegionOrdinal(1), kNoOffset},
                                              {moved, RegionOrdinal(2), Offset(70)}});
}

}  // namespace
}  // namespace atl::mirror
