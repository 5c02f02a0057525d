#include "mirror/watch/lag_meter.h"

#include <catch2/catch.hpp>

namespace atl::mirror {
namespace {

using std::chrono::seconds;

struct Rig {
  ManualClock clock;
  LagMeter meter;
  void Contact(int64_t source_end) {
    meter.OnContact(Offset(source_end), clock.Now(), clock.WallNow());
  }
  void Position(int64_t end) { meter.OnPosition(Offset(end)); }
  MirrorLag Lag(std::optional<Timestamp> oldest = {}) const {
    return meter.Lag(oldest, clock.Now(), clock.WallNow());
  }
  Timestamp Ago(seconds age) const { return ToTimestamp(clock.WallNow() - age); }
  void Advance(seconds by) { clock.Advance(by); }
};

TEST_CASE("a source that was never heard leaves every lag unknown (S21)") {
  Rig rig;
  rig.Position(10);
  REQUIRE_FALSE(rig.Lag().records);
  REQUIRE_FALSE(rig.Lag().bytes);
  REQUIRE_FALSE(rig.Lag().seconds);
}

TEST_CASE("the lag is 0 only when caught up and in contact within the heartbeat") {
  Rig rig;
  rig.Position(10);
  rig.Contact(10);
  REQUIRE(*rig.Lag().seconds == 0);
  rig.Advance(seconds(10));
  REQUIRE(*rig.Lag().seconds == 0);
  rig.Advance(seconds(1));
  REQUIRE(*rig.Lag().seconds == Approx(11));
  rig.Advance(seconds(100));
  REQUIRE(*rig.Lag().seconds == Approx(111));
  REQUIRE(*rig.Lag().records == 0);
}

TEST_CASE("while behind the age of the oldest waiting record is shown") {
  Rig rig;
  rig.Position(10);
  rig.Contact(15);
  REQUIRE(*rig.Lag(rig.Ago(seconds(40))).seconds == Approx(40).margin(0.01));
  REQUIRE(*rig.Lag().records == 5);
}

TEST_CASE("what was not pulled yet is younger than the last moment of being caught up") {
  Rig rig;
  rig.Position(10);
  rig.Contact(10);
  rig.Advance(seconds(7));
  rig.Contact(15);
  REQUIRE(*rig.Lag().seconds == Approx(7));
  // A record may say that it is from 1970; it was appended in these seven seconds.
  REQUIRE(*rig.Lag(Timestamp(0)).seconds == Approx(7));
}

TEST_CASE("what was not pulled yet is younger than the newest record applied") {
  Rig rig;
  rig.meter.OnNewestApplied(rig.Ago(seconds(30)));
  rig.Position(10);
  rig.Contact(15);
  REQUIRE(*rig.Lag().seconds == Approx(30).margin(0.01));
  rig.meter.OnNewestApplied(rig.Ago(seconds(3)));
  REQUIRE(*rig.Lag().seconds == Approx(3).margin(0.01));
}

TEST_CASE("an empty log that never pulled does not know how old what it misses is (S21)") {
  Rig rig;
  rig.Position(10);
  rig.Contact(15);
  rig.Advance(seconds(5));
  REQUIRE(*rig.Lag().records == 5);
  REQUIRE_FALSE(rig.Lag().seconds);
}

TEST_CASE("timestamps in the future or without meaning never make a lag of 0") {
  Rig rig;
  rig.Position(10);
  rig.Contact(15);
  rig.Advance(seconds(5));
  const Timestamp garbage =
      GENERATE(Timestamp(-1), Timestamp(INT64_MAX), Timestamp(INT64_MIN), Timestamp(1LL << 50));
  REQUIRE_FALSE(rig.Lag(garbage).seconds);  // Nothing bounds it: unknown, not small.
  rig.Contact(10);
  rig.Advance(seconds(5));
  rig.Contact(15);
  REQUIRE(*rig.Lag(garbage).seconds == Approx(5));
  rig.clock.JumpWall(-std::chrono::hours(1));
  REQUIRE(*rig.Lag(rig.Ago(seconds(-3600))).seconds > 0);
}

TEST_CASE("catching up with an old end counts from when that end was heard") {
  Rig rig;
  rig.Position(10);
  rig.Contact(15);
  rig.Advance(seconds(20));
  rig.Position(15);
  REQUIRE(*rig.Lag().seconds == Approx(20));
}

TEST_CASE("bytes are estimated from what was pulled last, unknown before") {
  Rig rig;
  rig.Position(10);
  rig.Contact(15);
  REQUIRE_FALSE(rig.Lag().bytes);
  rig.meter.OnPulled(ByteCount(300), RecordCount(3));
  REQUIRE(*rig.Lag().bytes == 500);
}

}  // namespace
}  // namespace atl::mirror
