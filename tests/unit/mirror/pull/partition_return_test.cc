// A log that goes on where the source's history does not: what is set aside, from where, and what
// is never touched.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "mirror/pull/partition_mirror.h"
#include "tests/unit/mirror/pull/batches.h"

#include <catch2/catch.hpp>

namespace atl::mirror {
namespace {

using kafka::ErrorCode;
using test::BatchSpec;
using test::HeaderOf;
using test::MakeBatch;

constexpr int32_t Epoch(int32_t counter, int32_t owner) { return counter << 8 | owner; }
constexpr int32_t kOurs = 1;    // The former owner's ordinal: this region.
constexpr int32_t kTheirs = 2;  // The new owner's.

struct Span {
  int32_t epoch;
  int64_t start;
};

Stint StintAt(int32_t epoch, int64_t cut) {
  return {LeaderEpoch(epoch), LeaderEpoch(epoch).owner(), Offset(cut)};
}

struct Rig {
  explicit Rig(bool owned_epochs = true)
      : mirror({.link = LinkName("l"),
                .topic = TopicName("orders"),
                .topic_id = {},
                .partition = PartitionId(0)},
               MirrorPolicy{.owned_epochs = owned_epochs}, clock.Now(), clock.WallNow()) {}

  PartitionMirror::Now now() const { return {clock.Now(), clock.WallNow()}; }
  void PastRetry() {
    clock.Advance(std::chrono::seconds(10));
    mirror.OnTick(now());
  }
  // A log of [start, end), its epochs, its last batch the last record.
  void SinkAt(int64_t start, int64_t end, const std::vector<Span>& epochs) {
    SinkEnd sink{.log_start = Offset(start),
                 .log_end = Offset(end),
                 .durable_end = Offset(end),
                 .last_epoch = kNoEpoch,
                 .last_batch = {}};
    for (const Span& span : epochs)
      sink.epochs.push_back({LeaderEpoch(span.epoch), Offset(span.start)});
    if (!epochs.empty()) {
      sink.last_epoch = LeaderEpoch(epochs.back().epoch);
      sink.last_batch = HeaderOf({.base = end - 1, .count = 1, .epoch = epochs.back().epoch});
    }
    mirror.OnSinkEnd(mirror.attempt(), sink, now());
  }
  void EpochEnd(int32_t epoch, int64_t end) {
    mirror.OnEpochEnd(mirror.attempt(), ErrorCode::kNone, LeaderEpoch(epoch), Offset(end), now());
  }
  void Owner(int32_t epoch, int32_t moved_at = -1, std::vector<Stint> stints = {}) {
    mirror.OnOwnership({.source_epoch = LeaderEpoch(epoch),
                        .moved_at = LeaderEpoch(moved_at),
                        .stints = std::move(stints)},
                       now());
  }
  // The owner's word on our last epoch, then on our last batch: it has none there (any more).
  void Parts(int32_t epoch, int64_t end, int64_t log_start = 0) {
    EpochEnd(epoch, end);
    const Offset last = mirror.last_batch_offset();
    const SourceOffsets source{.log_start = Offset(log_start),
                               .high_watermark = std::max(Offset(log_start), last)};
    mirror.OnLastBatch(mirror.attempt(), ErrorCode::kOffsetOutOfRange, source, {}, now());
  }
  // The answer on a log of [0, 100) whose last epoch is `epoch`, now and when patience has ended:
  // whether the owner changed may be known a little later.
  void BranchForLong(int32_t epoch) {
    for (int round = 0; round < 2; ++round) {
      SinkAt(0, 100, {{epoch, 0}});
      EpochEnd(epoch, 90);
      if (round == 0) PastRetry();
    }
  }
  void Kept(int64_t first) {
    mirror.OnSetAside(mirror.attempt(), SetAside{"tail", Offset(first), 7}, now());
  }
  void Truncated() { mirror.OnTruncated(mirror.attempt(), OkStatus(), now()); }
  MirrorState state() const { return mirror.status(now()).state; }
  std::string reason() const { return mirror.status(now()).reason; }

  ManualClock clock;
  PartitionMirror mirror;
};

TEST_CASE("A new owner that has not written yet is asked for our older epochs") {
  // Found by the simulator: the former owner restarted, which the new one never heard of. "From the
  // future" is no epoch at all in Kafka's answer.
  Rig rig;
  rig.Owner(Epoch(1028, kTheirs));
  rig.SinkAt(0, 68, {{Epoch(1, kOurs), 0}, {Epoch(2, kOurs), 66}});
  REQUIRE(rig.mirror.last_epoch() == LeaderEpoch(Epoch(2, kOurs)));
  rig.mirror.OnEpochEnd(rig.mirror.attempt(), ErrorCode::kNone, kNoEpoch, kNoOffset, rig.now());
  REQUIRE(rig.mirror.need() == MirrorNeed::kEpochEnd);
  REQUIRE(rig.mirror.last_epoch() == LeaderEpoch(Epoch(1, kOurs)));
  rig.Parts(Epoch(1, kOurs), 65);
  REQUIRE(rig.mirror.need() == MirrorNeed::kSetAside);
  REQUIRE(rig.mirror.set_aside_from() == Offset(65));
}

TEST_CASE("A new owner that knows none of our epochs has a history of its own from its start on") {
  Rig rig;
  rig.Owner(Epoch(1028, kTheirs));
  rig.SinkAt(135, 147, {{Epoch(3, kOurs), 135}});
  rig.mirror.OnEpochEnd(rig.mirror.attempt(), ErrorCode::kNone, kNoEpoch, kNoOffset, rig.now());
  REQUIRE(rig.mirror.need() == MirrorNeed::kLastBatch);
  const SourceOffsets source{.log_start = Offset(98),
                             .high_watermark = GENERATE(Offset(98), Offset(127), Offset(300))};
  rig.mirror.OnLastBatch(rig.mirror.attempt(), ErrorCode::kOffsetOutOfRange, source, {}, rig.now());
  REQUIRE(rig.mirror.need() == MirrorNeed::kSetAside);
  REQUIRE(rig.mirror.set_aside_from() == Offset(98));
  rig.Kept(135);  // What lies below our own start is gone here, too.
  REQUIRE(rig.mirror.need() == MirrorNeed::kTruncate);
  rig.Truncated();
  REQUIRE_FALSE(rig.mirror.status(rig.now()).lag.seconds.has_value());  // Unknown, not small.
  rig.SinkAt(98, 98, {});
  for (const MirrorEvent& event : rig.mirror.TakeEvents()) {
    REQUIRE(event.kind == MirrorEvent::Kind::kQuarantined);  // Nothing looks like a restored disk.
  }
  REQUIRE(rig.mirror.need() == MirrorNeed::kRecords);
  REQUIRE(rig.mirror.fetch_offset() == Offset(98));
}

TEST_CASE("What a new owner has trimmed and a mirror still has is no other history") {
  Rig rig;
  const int32_t theirs = Epoch(1028, kTheirs);
  rig.Owner(theirs, theirs, {StintAt(Epoch(3, kOurs), 0), StintAt(theirs, 90)});
  rig.SinkAt(0, 90, {{Epoch(3, kOurs), 0}});
  rig.mirror.OnEpochEnd(rig.mirror.attempt(), ErrorCode::kNone, kNoEpoch, kNoOffset, rig.now());
  const SourceOffsets source{.log_start = Offset(90), .high_watermark = Offset(120)};
  rig.mirror.OnLastBatch(rig.mirror.attempt(), ErrorCode::kOffsetOutOfRange, source, {}, rig.now());
  REQUIRE(rig.mirror.need() == MirrorNeed::kRecords);
  REQUIRE(rig.mirror.fetch_offset() == Offset(90));
}

TEST_CASE("Kafka's truncation rule says where the histories part") {
  struct Case {
    const char* what;
    std::vector<Span> ours;  // Up to offset 100.
    Span answer;             // The epoch that the source names, and its end there.
    int64_t cut;
  };
  const std::vector<Case> cases = {
      {"the source's copy of our last epoch is shorter", {{Epoch(1, 1), 0}}, {Epoch(1, 1), 90}, 90},
      {"nothing of our last epoch reached the source",
       {{Epoch(1, 1), 0}, {Epoch(2, 1), 60}},
       {Epoch(1, 1), 60},
       60},
      {"the older epoch is shorter there, too",
       {{Epoch(1, 1), 0}, {Epoch(2, 1), 60}},
       {Epoch(1, 1), 50},
       50},
      {"the older epoch is longer there: ours ends first",
       {{Epoch(1, 1), 0}, {Epoch(2, 1), 60}},
       {Epoch(1, 1), 80},
       60},
      {"the source names an epoch that we do not have: our next older one ends first",
       {{Epoch(1, 1), 0}, {Epoch(3, 1), 60}},
       {Epoch(2, 2), 70},
       60},
      {"nothing is common", {{Epoch(2, 1), 10}}, {Epoch(1, 2), 30}, 10},
  };
  for (const Case& c : cases) {
    INFO(c.what);
    Rig rig;
    rig.Owner(Epoch(9, kTheirs));
    rig.SinkAt(c.ours.front().start, 100, c.ours);
    rig.Parts(c.answer.epoch, c.answer.start);
    REQUIRE(rig.mirror.need() == MirrorNeed::kSetAside);
    REQUIRE(rig.mirror.set_aside_from() == Offset(c.cut));
  }
}

TEST_CASE("S12: a tail is kept, recorded and only then truncated, and Locate begins anew") {
  Rig rig;
  rig.mirror.OnCheckpoint(Offset(100), rig.now());
  rig.Owner(Epoch(2, kTheirs));
  rig.SinkAt(0, 100, {{Epoch(1, kOurs), 0}});
  rig.Parts(Epoch(1, kOurs), 90);
  REQUIRE(rig.state() == MirrorState::kLocating);
  REQUIRE(rig.reason().find("setting them aside") != std::string::npos);
  REQUIRE(rig.mirror.TakeEvents().empty());
  rig.Kept(89);  // The cut lay inside a batch.
  REQUIRE(rig.mirror.need() == MirrorNeed::kTruncate);
  const std::vector<MirrorEvent> events = rig.mirror.TakeEvents();
  REQUIRE(events.size() == 1);
  REQUIRE(events[0].kind == MirrorEvent::Kind::kQuarantined);
  REQUIRE(events[0].first == Offset(89));
  REQUIRE(events[0].end == Offset(100));
  REQUIRE(events[0].epoch == LeaderEpoch(Epoch(1, kOurs)));
  REQUIRE(rig.mirror.status(rig.now()).applied_end == Offset(89));
  rig.Truncated();
  REQUIRE(rig.mirror.need() == MirrorNeed::kSinkEnd);
  rig.SinkAt(0, 89, {{Epoch(1, kOurs), 0}});
  REQUIRE(rig.mirror.TakeEvents().empty());  // No restored disk.
  rig.EpochEnd(Epoch(1, kOurs), 90);
  REQUIRE(rig.mirror.need() == MirrorNeed::kLastBatch);
  rig.mirror.OnLastBatch(rig.mirror.attempt(), ErrorCode::kNone,
                         {.log_start = Offset(0), .high_watermark = Offset(200)},
                         MakeBatch({.base = 88, .count = 1, .epoch = Epoch(1, kOurs)}), rig.now());
  REQUIRE(rig.mirror.need() == MirrorNeed::kRecords);
  REQUIRE(rig.mirror.fetch_offset() == Offset(89));
}

TEST_CASE("S11 What an owner has deleted behind the cut is no reason to lose what we had there") {
  // Found by the simulator: an owner knows no epochs below its log's start, and says that they end
  // there.
  const int32_t first = Epoch(1, kOurs);
  const int32_t moved = Epoch(1025, kTheirs);
  const std::vector<Stint> lineage = {StintAt(first, 0), StintAt(moved, 60)};
  Rig rig;
  rig.Owner(moved, moved, lineage);
  const int64_t owner_start = GENERATE(60, 61, 80, 100, 250);
  rig.SinkAt(0, 100, {{first, 0}});
  SECTION("by its epochs") { rig.Parts(first, owner_start, owner_start); }
  SECTION("and it has written nothing since") {
    rig.mirror.OnEpochEnd(rig.mirror.attempt(), ErrorCode::kNone, kNoEpoch, kNoOffset, rig.now());
    const SourceOffsets empty{Offset(owner_start), Offset(owner_start)};
    rig.mirror.OnLastBatch(rig.mirror.attempt(), ErrorCode::kOffsetOutOfRange, empty, {},
                           rig.now());
  }
  REQUIRE(rig.mirror.need() == MirrorNeed::kSetAside);
  REQUIRE(rig.mirror.set_aside_from() == Offset(60));
  rig.Kept(60);
  rig.Truncated();
  REQUIRE(rig.mirror.TakeEvents().size() == 1);
  rig.SinkAt(0, 60, {{first, 0}});
  rig.Parts(first, owner_start, owner_start);
  if (owner_start == 60) {
    REQUIRE(rig.mirror.need() == MirrorNeed::kRecords);
    return;
  }
  // What it had there itself never came here: a gap like any other.
  REQUIRE(rig.state() == MirrorState::kGap);
  const std::vector<MirrorEvent> events = rig.mirror.TakeEvents();
  REQUIRE(events.size() == 1);
  REQUIRE(events[0].kind == MirrorEvent::Kind::kGap);
  REQUIRE(events[0].first == Offset(60));
  REQUIRE(events[0].end == Offset(owner_start));
}

TEST_CASE("S11 Where the cut is not told yet, nothing is decided below the owner's log start") {
  const int32_t first = Epoch(1, kOurs);
  const int32_t moved = Epoch(1025, kTheirs);
  Rig rig;
  rig.Owner(moved, moved, {StintAt(first, 0), StintAt(moved, kNoOffset.value())});
  rig.SinkAt(20, 100, {{first, 20}});
  SECTION("above it its epochs tell all") {
    rig.Parts(first, 90, 89);
    REQUIRE(rig.mirror.need() == MirrorNeed::kSetAside);
    REQUIRE(rig.mirror.set_aside_from() == Offset(90));
    return;
  }
  const int64_t owner_start = GENERATE(90, 100, 250);
  rig.Parts(first, owner_start, owner_start);
  REQUIRE(rig.state() == MirrorState::kLocating);
  REQUIRE(rig.reason().find("is not told yet") != std::string::npos);
  REQUIRE(rig.mirror.need() == MirrorNeed::kNothing);
  SECTION("it is told soon") {
    rig.Owner(moved, moved, {StintAt(first, 0), StintAt(moved, 60)});
    rig.PastRetry();
    rig.SinkAt(20, 100, {{first, 20}});
    rig.Parts(first, owner_start, owner_start);
    REQUIRE(rig.mirror.need() == MirrorNeed::kSetAside);
    REQUIRE(rig.mirror.set_aside_from() == Offset(60));
  }
  SECTION("it never is: all of it is kept") {
    rig.PastRetry();
    rig.SinkAt(20, 100, {{first, 20}});
    rig.Parts(first, owner_start, owner_start);
    REQUIRE(rig.mirror.need() == MirrorNeed::kSetAside);
    REQUIRE(rig.mirror.set_aside_from() == Offset(20));
  }
}

TEST_CASE("S11 Where the owner's log can be compared it outweighs what the lineage says of it") {
  // Found by the simulator: region 2 took the topic from region 3 before it had set aside what that
  // one's history did not have. From then on it is in everybody's history.
  const int32_t first = Epoch(1, kOurs);
  const int32_t taken = Epoch(1025, 3);
  const int32_t back = Epoch(2049, kTheirs);
  const int32_t now = Epoch(2050, 3);
  Rig rig;
  rig.Owner(now, now,
            {StintAt(first, 0), StintAt(taken, 60), StintAt(back, 70), StintAt(now, 100)});
  rig.SinkAt(0, 100, {{first, 0}, {back, 70}});
  rig.EpochEnd(back, 100);
  rig.mirror.OnLastBatch(rig.mirror.attempt(), ErrorCode::kNone,
                         {.log_start = Offset(0), .high_watermark = Offset(100)},
                         MakeBatch({.base = 99, .count = 1, .epoch = back}), rig.now());
  REQUIRE(rig.mirror.need() == MirrorNeed::kRecords);
  REQUIRE(rig.mirror.TakeEvents().empty());
}

TEST_CASE("a tail of several epochs goes epoch by epoch") {
  Rig rig;
  rig.Owner(Epoch(9, kTheirs));
  rig.SinkAt(0, 100, {{Epoch(1, 1), 0}, {Epoch(3, 1), 60}});
  rig.Parts(Epoch(2, 2), 70);
  REQUIRE(rig.mirror.set_aside_from() == Offset(60));
  rig.Kept(60);
  rig.Truncated();
  rig.SinkAt(0, 60, {{Epoch(1, 1), 0}});
  REQUIRE(rig.mirror.last_epoch() == LeaderEpoch(Epoch(1, 1)));
  rig.Parts(Epoch(1, 1), 40);
  REQUIRE(rig.mirror.set_aside_from() == Offset(40));
}

TEST_CASE("S13 The event of a return names the groups that were moved back to the cut") {
  Rig rig;
  rig.Owner(Epoch(2, kTheirs));
  rig.SinkAt(0, 100, {{Epoch(1, kOurs), 0}});
  rig.Parts(Epoch(1, kOurs), 90);
  SetAside kept{"tail", Offset(90), 7};
  const int groups = GENERATE(1, 21);
  for (int i = 0; i < groups; ++i) {
    kept.groups.push_back({GroupId(fmt::format("app-{}", i)), TopicName("orders"), PartitionId(0),
                           Offset(95), Offset(90)});
  }
  rig.mirror.OnSetAside(rig.mirror.attempt(), kept, rig.now());
  const std::string cause = rig.mirror.TakeEvents().at(0).cause;
  REQUIRE(cause.find("; group app-0 goes on at 90, it was at 95") != std::string::npos);
  REQUIRE((cause.find("; and 1 more groups") != std::string::npos) == (groups == 21));
}

TEST_CASE("without a change of owner a longer log is divergence, and stays") {
  Rig rig;
  const bool known = GENERATE(true, false);
  // The same owner, one epoch higher: a disk was restored there.
  if (known) rig.Owner(Epoch(2, kOurs));
  rig.BranchForLong(Epoch(1, kOurs));
  REQUIRE(rig.state() == MirrorState::kDiverged);
  REQUIRE(rig.mirror.need() == MirrorNeed::kNothing);
}

TEST_CASE("a lineage tells of an owner between two stints of one region, not of older moves") {
  Rig rig(GENERATE(true, false));
  SECTION("moved away and back since our last epoch") {
    rig.Owner(Epoch(5, kOurs), Epoch(5, kOurs));
    rig.SinkAt(0, 100, {{Epoch(3, kOurs), 0}});
    rig.Parts(Epoch(3, kOurs), 90);
    REQUIRE(rig.mirror.need() == MirrorNeed::kSetAside);
  }
  SECTION("moved before it") {
    rig.Owner(Epoch(5, kOurs), Epoch(3, kOurs));
    rig.BranchForLong(Epoch(4, kOurs));
    REQUIRE(rig.state() == MirrorState::kDiverged);
  }
}

TEST_CASE("a Kafka cluster's epochs tell no owner") {
  Rig rig(false);
  rig.Owner(Epoch(2, kTheirs));
  rig.SinkAt(0, 100, {{Epoch(1, kOurs), 0}});
  rig.EpochEnd(Epoch(1, kOurs), 90);
  REQUIRE(rig.state() == MirrorState::kDiverged);
}

TEST_CASE("that the owner changed may be heard after the histories were compared") {
  Rig rig;
  rig.SinkAt(0, 100, {{Epoch(1, kOurs), 0}});
  rig.EpochEnd(Epoch(1, kOurs), 90);
  REQUIRE(rig.state() == MirrorState::kLocating);
  REQUIRE(rig.reason().find("has the owner changed?") != std::string::npos);
  rig.Owner(Epoch(2, kTheirs));
  rig.PastRetry();
  rig.SinkAt(0, 100, {{Epoch(1, kOurs), 0}});
  rig.Parts(Epoch(1, kOurs), 90);
  REQUIRE(rig.mirror.need() == MirrorNeed::kSetAside);
  REQUIRE(rig.mirror.TakeEvents().empty());  // No alarm.
}

TEST_CASE("an older epoch of the source is no reason to set anything aside") {
  Rig rig;
  rig.Owner(Epoch(1, kTheirs));
  rig.BranchForLong(Epoch(2, kOurs));
  REQUIRE(rig.state() == MirrorState::kDiverged);
}

TEST_CASE("a diverged partition compares again when it hears that the owner changed") {
  Rig rig;
  rig.BranchForLong(Epoch(1, kOurs));
  REQUIRE(rig.state() == MirrorState::kDiverged);
  SECTION("by its epoch") { rig.Owner(Epoch(2, kTheirs)); }
  SECTION("by its lineage") { rig.Owner(Epoch(3, kOurs), Epoch(2, kTheirs)); }
  REQUIRE(rig.mirror.need() == MirrorNeed::kSinkEnd);
  rig.SinkAt(0, 100, {{Epoch(1, kOurs), 0}});
  rig.Parts(Epoch(1, kOurs), 90);
  REQUIRE(rig.mirror.need() == MirrorNeed::kSetAside);
}

TEST_CASE("bytes that differ within a common epoch are divergence, whoever owns the topic") {
  Rig rig;
  rig.Owner(Epoch(2, kTheirs));
  rig.SinkAt(0, 100, {{Epoch(1, kOurs), 0}});
  rig.EpochEnd(Epoch(1, kOurs), 100);
  rig.mirror.OnLastBatch(rig.mirror.attempt(), ErrorCode::kNone,
                         {.log_start = Offset(0), .high_watermark = Offset(200)},
                         MakeBatch({.base = 98, .count = 2, .epoch = Epoch(1, kOurs)}), rig.now());
  REQUIRE(rig.state() == MirrorState::kDiverged);
  rig.Owner(Epoch(2, kTheirs));  // Nothing new.
  REQUIRE(rig.state() == MirrorState::kDiverged);
}

TEST_CASE("what can't be set aside is not truncated, says why, and is tried again") {
  Rig rig;
  rig.Owner(Epoch(2, kTheirs));
  rig.SinkAt(0, 100, {{Epoch(1, kOurs), 0}});
  rig.Parts(Epoch(1, kOurs), 90);
  rig.mirror.OnSetAside(rig.mirror.attempt(), ResourceExhausted("/data: no space left"), rig.now());
  REQUIRE(rig.state() == MirrorState::kLocating);
  REQUIRE(rig.reason().find("no space left") != std::string::npos);
  REQUIRE(rig.mirror.need() == MirrorNeed::kNothing);
  REQUIRE(rig.mirror.TakeEvents().empty());
  rig.PastRetry();
  REQUIRE(rig.mirror.need() == MirrorNeed::kSinkEnd);
}

TEST_CASE("a truncation that fails leads to Locate, and the tail is asked for again") {
  Rig rig;
  rig.Owner(Epoch(2, kTheirs));
  rig.SinkAt(0, 100, {{Epoch(1, kOurs), 0}});
  rig.Parts(Epoch(1, kOurs), 90);
  rig.Kept(90);
  rig.mirror.OnTruncated(rig.mirror.attempt(), Unavailable("EIO"), rig.now());
  REQUIRE(rig.reason().find("EIO") != std::string::npos);
  rig.PastRetry();
  rig.SinkAt(0, 100, {{Epoch(1, kOurs), 0}});
  rig.Parts(Epoch(1, kOurs), 90);
  REQUIRE(rig.mirror.need() == MirrorNeed::kSetAside);
}

TEST_CASE("answers of an earlier attempt change nothing") {
  Rig rig;
  rig.Owner(Epoch(2, kTheirs));
  rig.SinkAt(0, 100, {{Epoch(1, kOurs), 0}});
  rig.Parts(Epoch(1, kOurs), 90);
  const uint64_t old = rig.mirror.attempt();
  rig.mirror.OnSourceLost("gone", rig.now());
  rig.mirror.OnSetAside(old, SetAside{"tail", Offset(90), 7}, rig.now());
  rig.mirror.OnTruncated(old, OkStatus(), rig.now());
  REQUIRE(rig.mirror.TakeEvents().empty());
  REQUIRE(rig.state() == MirrorState::kSourceUnavailable);
}

TEST_CASE("a paused partition sets nothing aside") {
  Rig rig;
  rig.Owner(Epoch(2, kTheirs));
  rig.SinkAt(0, 100, {{Epoch(1, kOurs), 0}});
  rig.Parts(Epoch(1, kOurs), 90);
  rig.mirror.OnPaused(true, rig.now());
  REQUIRE(rig.mirror.need() == MirrorNeed::kNothing);
}

}  // namespace
}  // namespace atl::mirror
