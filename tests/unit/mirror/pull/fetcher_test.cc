#include "mirror/pull/fetcher.h"

#include "mirror/watch/lag.h"

#include "tests/unit/mirror/pull/fetcher_rig.h"

#include <catch2/catch.hpp>

namespace atl::mirror {
namespace {

using fake::Rig;

TEST_CASE("A fetcher copies every batch byte for byte and then follows", "[fetcher]") {
  Rig rig(3);
  for (int i = 0; i < 10; ++i) {
    rig.source.Append(rig.Name(0), 3, "a");
    rig.source.Append(rig.Name(2), 1, "b");
  }
  rig.Start();
  REQUIRE(rig.RunUntil([&] { return rig.targets[0]->log.end == Offset(30) && rig.SameLogs(); }));
  rig.source.Append(rig.Name(1), 5, "late");
  REQUIRE(rig.RunUntil([&] { return rig.SameLogs(); }));
  REQUIRE(rig.RunUntil([&] { return rig.State(0) == MirrorState::kCaughtUp; }));
  REQUIRE(rig.host.positions > 0);
  REQUIRE(rig.host.errors.empty());
  REQUIRE(rig.source.opened == 1);
}

TEST_CASE("A fetcher goes on where the sink's log ends", "[fetcher]") {
  Rig rig(1);
  for (int i = 0; i < 4; ++i) rig.source.Append(rig.Name(0), 2, std::to_string(i));
  for (int i = 0; i < 2; ++i) rig.targets[0]->log.Append(2, std::to_string(i));
  rig.Start();
  REQUIRE(rig.RunUntil([&] { return rig.SameLogs(); }));
  REQUIRE(rig.targets[0]->log.batches.size() == 4);
}

TEST_CASE("A tail that the source's history lacks is set aside, cut off, and the copy goes on",
          "[fetcher]") {
  Rig rig(2);
  for (int i = 0; i < 3; ++i) rig.source.Append(rig.Name(0), 2, std::to_string(i));
  for (int i = 0; i < 5; ++i) rig.targets[0]->log.Append(2, std::to_string(i));
  rig.partitions[0]->mirror.OnOwnership(
      {.source_epoch = LeaderEpoch(7), .moved_at = LeaderEpoch(7), .stints = {}}, rig.host.now());
  rig.Start();
  REQUIRE(rig.RunUntil([&] { return rig.SameLogs(); }));
  rig.source.Append(rig.Name(0), 2, "new", LeaderEpoch(7));
  REQUIRE(rig.RunUntil([&] { return rig.targets[0]->log.end == Offset(8) && rig.SameLogs(); }));
  REQUIRE(rig.host.events.size() == 1);
  REQUIRE(rig.host.events[0].kind == MirrorEvent::Kind::kQuarantined);
  REQUIRE(rig.host.events[0].first == Offset(6));
  REQUIRE(rig.host.events[0].end == Offset(10));
  REQUIRE(rig.RunUntil([&] { return rig.host.applies_in_flight == 0; }));
}

TEST_CASE("A sink whose last batch is not the source's is diverged and left alone", "[fetcher]") {
  Rig rig(2);
  rig.source.Append(rig.Name(0), 2, "source");
  rig.source.Append(rig.Name(0), 2, "more");
  rig.source.Append(rig.Name(1), 2, "fine");
  rig.targets[0]->log.Append(2, "other!");
  const Bytes before = rig.targets[0]->log.All();
  rig.Start();
  REQUIRE(rig.RunUntil([&] {
    return rig.State(0) == MirrorState::kDiverged && rig.targets[1]->log.end == Offset(2);
  }));
  REQUIRE(rig.RunUntil([&] { return !rig.host.events.empty(); }));
  REQUIRE(rig.host.events[0].kind == MirrorEvent::Kind::kDivergence);
  REQUIRE(rig.targets[0]->log.All() == before);
}

TEST_CASE("The next fetch is under way while an apply runs", "[fetcher]") {
  Rig rig(1);
  rig.source.Append(rig.Name(0), 1, "a");
  rig.Start();
  REQUIRE(rig.RunUntil([&] { return rig.SameLogs(); }));
  rig.sink.defer = true;
  rig.source.Append(rig.Name(0), 1, "b");
  REQUIRE(rig.RunUntil([&] { return rig.sink.waiting() == 1; }));
  rig.source.Append(rig.Name(0), 1, "c");
  REQUIRE(rig.RunUntil([&] { return rig.sink.waiting() == 2; }));
  REQUIRE(rig.targets[0]->log.end == Offset(1));
  rig.sink.Complete();
  REQUIRE(rig.SameLogs());
}

TEST_CASE("One apply is posted per storage shard touched", "[fetcher]") {
  Rig rig(4);
  rig.Start();
  REQUIRE(rig.RunUntil([&] { return rig.source.fetches > 1; }));
  const int before = rig.sink.applies;
  for (int i = 0; i < 4; ++i) rig.source.Append(rig.Name(i), 1, "x");
  REQUIRE(rig.RunUntil([&] { return rig.SameLogs(); }));
  REQUIRE(rig.sink.applies == before + 2);
}

TEST_CASE("A lost connection is located again and nothing is doubled", "[fetcher]") {
  Rig rig(2);
  rig.source.cut_after = 3;
  rig.Start();
  for (int i = 0; i < 20; ++i) {
    rig.source.Append(rig.Name(i % 2), 2, std::to_string(i));
    REQUIRE(rig.RunUntil([&] { return rig.SameLogs(); }));
  }
  REQUIRE(rig.source.opened == 2);
  REQUIRE(rig.host.errors.size() == 1);
  REQUIRE(rig.host.discoveries > 0);
}

TEST_CASE("A damaged batch halts its partition and no other", "[fetcher]") {
  Rig rig(2);
  for (int i = 0; i < 3; ++i) rig.source.Append(rig.Name(0), 2, "zero");
  for (int i = 0; i < 3; ++i) rig.source.Append(rig.Name(1), 2, "one");
  rig.source.logs[rig.Name(1)].batches[1].back() ^= std::byte{1};
  rig.Start();
  REQUIRE(rig.RunUntil([&] {
    return rig.targets[0]->log.end == Offset(6) && rig.State(1) == MirrorState::kHalted &&
           !rig.host.events.empty();
  }));
  REQUIRE(rig.targets[1]->log.end == Offset(2));
  REQUIRE(rig.host.events[0].kind == MirrorEvent::Kind::kHalted);
  REQUIRE(rig.host.events[0].first == Offset(2));
  rig.source.Append(rig.Name(0), 1, "goes on");
  REQUIRE(rig.RunUntil([&] { return rig.targets[0]->log.end == Offset(7); }));
}

TEST_CASE("The catalogue knows an epoch before its batches are applied", "[fetcher]") {
  Rig rig(1);
  rig.source.Append(rig.Name(0), 1, "a");
  rig.Start();
  REQUIRE(rig.RunUntil([&] { return rig.SameLogs(); }));
  REQUIRE(rig.host.raised.empty());
  rig.host.refuse_epochs = true;
  rig.source.Append(rig.Name(0), 1, "b", LeaderEpoch(5));
  REQUIRE(rig.RunUntil([&] { return !rig.host.errors.empty(); }));
  REQUIRE(rig.targets[0]->log.end == Offset(1));
  rig.host.refuse_epochs = false;
  REQUIRE(rig.RunUntil([&] { return rig.SameLogs(); }));
  REQUIRE(rig.host.raised == std::vector<LeaderEpoch>{LeaderEpoch(5)});
}

TEST_CASE("Idle partitions stay in contact", "[fetcher]") {
  Rig rig(2);
  rig.source.Append(rig.Name(0), 1, "a");
  rig.Start();
  REQUIRE(rig.RunUntil([&] { return rig.State(1) == MirrorState::kCaughtUp; }));
  const auto contact = rig.partitions[1]->mirror.status(rig.host.now()).last_contact;
  REQUIRE(contact.has_value());
  // Only partition 0 has news; the answers tell about partition 1 all the same.
  REQUIRE(rig.RunUntil(
      [&] { return *rig.partitions[1]->mirror.status(rig.host.now()).last_contact > *contact; }));
}

TEST_CASE("A contact counts from the question, not from when its answer is read (S21)",
          "[fetcher]") {
  Rig rig(2);
  for (int i = 0; i < 2; ++i) {
    rig.source.Append(rig.Name(i), 1, "a");
    rig.targets[static_cast<size_t>(i)]->log.Append(1, "a");
  }
  rig.source.before_read = [&] { rig.host.ahead += 2 * kHeartbeat; };  // The process stood still.
  rig.Start();
  // By the comparison of the last batches, by a fetch with news, and by one without.
  for (const int contacts : {1, 2, 6}) {
    REQUIRE(rig.RunUntil([&] { return rig.host.contacts >= contacts; }));
    if (contacts == 1) rig.source.Append(rig.Name(0), 1, "b");
    for (const PartitionPtr& partition : rig.partitions) {
      const MirrorStatus status = partition->mirror.status(rig.host.now());
      if (!status.last_contact) continue;
      REQUIRE(rig.host.now().wall - *status.last_contact >= 2 * kHeartbeat);
      REQUIRE(*status.lag.seconds >= ToSeconds(2 * kHeartbeat));
    }
  }
  for (const PartitionPtr& partition : rig.partitions) {
    REQUIRE(partition->mirror.status(rig.host.now()).last_contact.has_value());
  }
}

TEST_CASE("A removed partition gets nothing more", "[fetcher]") {
  Rig rig(2);
  rig.Start();
  REQUIRE(rig.RunUntil([&] { return rig.State(1) == MirrorState::kCaughtUp; }));
  rig.fetcher.Remove(*rig.partitions[1]);
  rig.source.Append(rig.Name(1), 1, "gone");
  rig.source.Append(rig.Name(0), 1, "here");
  REQUIRE(rig.RunUntil([&] { return rig.targets[0]->log.end == Offset(1); }));
  REQUIRE(rig.targets[1]->log.end == Offset(0));
}

TEST_CASE("A retired fetcher ends when its partitions are gone", "[fetcher]") {
  Rig rig(1);
  rig.fetcher.AtIdlePoint([](Fetcher& fetcher) {
    while (fetcher.retired() && !fetcher.partitions().empty()) {
      fetcher.Remove(*fetcher.partitions().front());
    }
  });
  rig.Start();
  REQUIRE(rig.RunUntil([&] { return rig.source.fetches > 0; }));
  rig.fetcher.Retire();
  REQUIRE(rig.RunUntil([&] { return rig.fetcher.ended(); }));
}

}  // namespace
}  // namespace atl::mirror
