// A source that does not answer, or whose answer is old news: what is shown of it.
#include <chrono>

#include "tests/unit/mirror/pull/partition_rig.h"

#include <catch2/catch.hpp>

namespace atl::mirror {
namespace {

using test::MakeBatch;
using test::Source;
using Rig = test::PartitionRig;

TEST_CASE("a mirror whose connection broke shows the age of the contact at once, not 0 (S21)") {
  Rig rig;
  rig.StartAtTen();
  rig.Records(Source(0, 10), {});
  REQUIRE(rig.mirror.status(rig.now()).lag.seconds == 0.0);
  rig.Advance(std::chrono::seconds(2));
  rig.mirror.OnSourceLost("connection reset", rig.now());
  REQUIRE(*rig.mirror.status(rig.now()).lag.seconds == Approx(2));
  rig.PastRetry();
  REQUIRE(*rig.mirror.status(rig.now()).lag.seconds >= 2);
  rig.StartAtTen();
  rig.Records(Source(0, 10), {});
  REQUIRE(rig.mirror.status(rig.now()).lag.seconds == 0.0);
}

TEST_CASE("silence is shown as silence, never as running or as no lag (S21)") {
  Rig rig;
  rig.StartAtTen();
  rig.Records(Source(0, 10), {});
  REQUIRE(rig.state() == MirrorState::kCaughtUp);
  rig.clock.Advance(std::chrono::seconds(60));  // Nobody ticks it, nobody answers.
  REQUIRE(rig.state() == MirrorState::kSourceUnavailable);
  REQUIRE(*rig.mirror.status(rig.now()).lag.seconds == Approx(60));
  rig.mirror.OnTick(rig.now());
  REQUIRE(rig.reason().find("no answer") != std::string::npos);
  rig.Records(Source(0, 10), {});
  REQUIRE(rig.state() == MirrorState::kCaughtUp);
}

TEST_CASE("half a minute without progress while behind has a reason (L4)") {
  Rig rig({.apply_window = ByteCount(1)});
  rig.StartAtTen();
  REQUIRE(rig.Records(Source(0, 20), MakeBatch({.base = 10})) == 1);
  for (int i = 0; i < 31; ++i) {
    rig.Advance(std::chrono::seconds(1));
    rig.Records(Source(0, 20), {});  // The source goes on answering.
  }
  REQUIRE(rig.reason().find("no progress for 30 s") != std::string::npos);
}

TEST_CASE("an answer that lay unread while this process stood still is old news (S21)") {
  // Found by the simulator, seeds 6362 and 7360.
  Rig rig;
  rig.StartAtTen();
  rig.Records(Source(0, 10), {});
  SourceOffsets before = Source(0, 10);
  before.asked = rig.clock.Now();
  rig.clock.Advance(std::chrono::seconds(13));
  rig.LateRecords(before, {});
  REQUIRE(*rig.mirror.status(rig.now()).lag.seconds == Approx(13));
  REQUIRE(*rig.mirror.status(rig.now()).last_contact ==
          rig.clock.WallNow() - std::chrono::seconds(13));
  REQUIRE(rig.state() == MirrorState::kSourceUnavailable);
  rig.Records(Source(0, 10), {});
  REQUIRE(rig.state() == MirrorState::kCaughtUp);
  REQUIRE(rig.mirror.status(rig.now()).lag.seconds == 0.0);
}

}  // namespace
}  // namespace atl::mirror
