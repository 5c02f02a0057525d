#include "mirror/watch/events.h"

#include <memory>
#include <string>

#include "checkpoint/memory_store.h"

#include <catch2/catch.hpp>

namespace atl::mirror {
namespace {

const MirrorKey kKey{.link = LinkName("l"),
                     .topic = TopicName("orders"),
                     .topic_id = TopicId(std::array<uint8_t, 16>{1}),
                     .partition = PartitionId(2)};
const WallTime kNow{std::chrono::hours(24 * 365 * 50)};

MirrorEvent Gap(int64_t first, int64_t end) {
  return {.kind = MirrorEvent::Kind::kGap,
          .first = Offset(first),
          .end = Offset(end),
          .epoch = LeaderEpoch(257),
          .cause = "deleted there"};
}

struct Rig {
  checkpoint::MemoryStore store;
  std::unique_ptr<checkpoint::EventTable> table = *checkpoint::EventTable::Open(store);
  Metrics metrics;
  Events events{*table, metrics};

  size_t Count() { return events.List({})->size(); }
};

TEST_CASE("an event is durable when Record returns") {
  Rig rig;
  REQUIRE(rig.events.Record(kKey, Gap(10, 15), kNow).ok());
  rig.store.Crash();
  const auto found = rig.events.List({.kind = checkpoint::EventKind::kGap});
  REQUIRE(found->size() == 1);
  REQUIRE(found->front().first == Offset(10));
  REQUIRE(found->front().end == Offset(15));
  REQUIRE(found->front().partition == PartitionId(2));
  REQUIRE(found->front().cause == "deleted there");
}

TEST_CASE("what a restarted mirror finds again is recorded once") {
  Rig rig;
  REQUIRE(rig.events.Record(kKey, Gap(10, 15), kNow).ok());
  REQUIRE(rig.events.Record(kKey, Gap(10, 15), kNow).ok());
  REQUIRE(rig.Count() == 1);
  REQUIRE(rig.events.Record(kKey, Gap(15, 20), kNow).ok());
  MirrorKey other = kKey;
  other.partition = PartitionId(3);
  REQUIRE(rig.events.Record(other, Gap(15, 20), kNow).ok());
  REQUIRE(rig.Count() == 3);
  REQUIRE(
      rig.metrics.Text().find("atoll_mirror_gap_records_total{link=\"l\",topic=\"orders\"} 15") !=
      std::string::npos);
}

TEST_CASE("an event that can't be stored is an error and is not counted") {
  Rig rig;
  rig.store.SetFault([](checkpoint::MemoryStore::Operation operation) {
    return operation == checkpoint::MemoryStore::Operation::kRead ? OkStatus()
                                                                  : Corrupt("disk error");
  });
  REQUIRE_FALSE(rig.events.Record(kKey, Gap(10, 15), kNow).ok());
  REQUIRE(rig.metrics.Text().find("atoll_mirror_gap_records_total") == std::string::npos);
}

TEST_CASE("every kind of event has a kind in the store and back") {
  Rig rig;
  for (const auto kind :
       {MirrorEvent::Kind::kGap, MirrorEvent::Kind::kGeneration, MirrorEvent::Kind::kDivergence,
        MirrorEvent::Kind::kHalted, MirrorEvent::Kind::kConflict, MirrorEvent::Kind::kRetired,
        MirrorEvent::Kind::kRollback, MirrorEvent::Kind::kSkipped, MirrorEvent::Kind::kMismatch}) {
    MirrorEvent event = Gap(1, 2);
    event.kind = kind;
    REQUIRE(rig.events.Record(kKey, event, kNow).ok());
    REQUIRE(rig.events.List({.kind = kind})->size() == 1);
  }
}

}  // namespace
}  // namespace atl::mirror
