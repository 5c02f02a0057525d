#include "mirror/pull/pull_pace.h"

#include <catch2/catch.hpp>

namespace atl::mirror {
namespace {

using namespace std::chrono_literals;

kafka::PathSample Path(Duration round_trip, double goodput) {
  kafka::PathSample path;
  path.round_trip = round_trip;
  path.goodput = goodput;
  return path;
}

// Answers that are always full.
ByteCount Settled(const kafka::PathSample& path, ByteCount cap = kMostFetch) {
  FetchSize size;
  ByteCount bytes = size.Next(path, cap);
  for (int i = 0; i < 20; ++i) {
    size.OnAnswer(bytes);
    bytes = size.Next(path, cap);
  }
  return bytes;
}

TEST_CASE("Answers grow with round trip and goodput, and take no longer than seconds",
          "[pull_pace]") {
  REQUIRE(Settled(Path(100us, 1e9)) == ByteCount(3200000));
  REQUIRE(Settled(Path(100ms, 1e6)) == ByteCount(2000000));
  REQUIRE(Settled(Path(100ms, 30e6)) == kMostFetch);
  REQUIRE(Settled(Path(1s, 1e6)) == ByteCount(2000000));
  REQUIRE(Settled(Path(100ms, 1e3)) == kLeastFetch);
  REQUIRE(Settled(Path(100ms, 30e6), ByteCount(8 << 20)) == ByteCount(8 << 20));
}

TEST_CASE("An answer is at most twice the one before, and grows only when that was full",
          "[pull_pace]") {
  FetchSize size;
  const auto path = Path(100ms, 30e6);
  REQUIRE(size.Next(path, kMostFetch) == kLeastFetch);
  size.OnAnswer(ByteCount(1000));
  REQUIRE(size.Next(path, kMostFetch) == kLeastFetch);
  size.OnAnswer(kLeastFetch);
  REQUIRE(size.Next(path, kMostFetch) == kLeastFetch + kLeastFetch);
}

// A source that gives each connection `per_connection` bytes a second, `line` in all.
class Simulated {
 public:
  Simulated(double per_connection, double line, Duration round_trip)
      : per_connection_(per_connection), line_(line), round_trip_(round_trip) {}
  int Run(Duration duration, int backlogged) {
    for (Duration passed{}; passed < duration; passed += 100ms) {
      now_ += 100ms;
      const double rate = std::min(line_, per_connection_ * plan_.slots());
      if (backlogged > 0) received_ += ByteCount(static_cast<int64_t>(rate / 10));
      SlotPlan::Sample sample;
      sample.now = now_;
      sample.received = received_;
      sample.backlogged = backlogged;
      sample.round_trip = round_trip_;
      plan_.Update(sample);
    }
    return plan_.slots();
  }

 private:
  const double per_connection_;
  const double line_;
  const Duration round_trip_;
  SlotPlan plan_;
  MonotonicTime now_{1h};
  ByteCount received_{0};
};

TEST_CASE("Connections are added while each step pays", "[pull_pace]") {
  REQUIRE(Simulated(1e6, 125e6, 100ms).Run(20s, 8) == 8);
  REQUIRE(Simulated(1e6, 125e6, 100ms).Run(60s, 200) == kMostSlots);
  REQUIRE(Simulated(1e6, 4e6, 100ms).Run(25s, 100) == 8);
  REQUIRE(Simulated(20e6, 20e6, 100ms).Run(20s, 8) == 1);
}

TEST_CASE("A short path needs one connection", "[pull_pace]") {
  REQUIRE(Simulated(500e6, 1e9, 100us).Run(20s, 8) == 1);
}

TEST_CASE("A link that has caught up goes back to one connection", "[pull_pace]") {
  Simulated source(1e6, 125e6, 100ms);
  REQUIRE(source.Run(20s, 8) == 8);
  REQUIRE(source.Run(5s, 0) == 8);
  REQUIRE(source.Run(10s, 0) == 1);
}

}  // namespace
}  // namespace atl::mirror
