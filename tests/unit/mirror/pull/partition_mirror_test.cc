#include "mirror/pull/partition_mirror.h"

#include <string>
#include <vector>

#include "tests/unit/mirror/pull/partition_rig.h"

#include <catch2/catch.hpp>

namespace atl::mirror {
namespace {

using kafka::ErrorCode;
using test::BatchSpec;
using test::HeaderOf;
using test::MakeBatch;
using test::MakeBatches;
using test::Source;
using Rig = test::PartitionRig;

TEST_CASE("an empty log begins where startFrom says") {
  Rig rig;
  REQUIRE(rig.mirror.need() == MirrorNeed::kSinkEnd);
  rig.SinkAt(0, 0);
  REQUIRE(rig.mirror.need() == MirrorNeed::kStart);
  SECTION("at 0 nothing has to be moved") {
    rig.mirror.OnStart(rig.mirror.attempt(), ErrorCode::kNone, Offset(0), rig.now());
    REQUIRE(rig.mirror.need() == MirrorNeed::kRecords);
    REQUIRE(rig.mirror.fetch_offset() == Offset(0));
  }
  SECTION("elsewhere the log is restarted there first") {
    rig.mirror.OnStart(rig.mirror.attempt(), ErrorCode::kNone, Offset(40), rig.now());
    REQUIRE(rig.mirror.need() == MirrorNeed::kRestart);
    REQUIRE(rig.mirror.restart_at() == Offset(40));
    rig.mirror.OnRestarted(rig.mirror.attempt(), OkStatus(), rig.now());
    REQUIRE(rig.mirror.need() == MirrorNeed::kRecords);
    REQUIRE(rig.mirror.fetch_offset() == Offset(40));
  }
}

TEST_CASE("an empty log with a checkpoint continues at its own end") {
  Rig rig;
  rig.mirror.OnCheckpoint(Offset(40), rig.now());
  rig.SinkAt(40, 40);
  REQUIRE(rig.mirror.need() == MirrorNeed::kRecords);
  REQUIRE(rig.mirror.fetch_offset() == Offset(40));
}

TEST_CASE("the source's start inside a batch restarts the log at that batch") {
  Rig rig;
  rig.SinkAt(0, 0);
  rig.mirror.OnStart(rig.mirror.attempt(), ErrorCode::kNone, Offset(7), rig.now());
  rig.mirror.OnRestarted(rig.mirror.attempt(), OkStatus(), rig.now());
  const Bytes records = MakeBatches({{.base = 5, .count = 5}, {.base = 10}});
  REQUIRE(rig.Records(Source(7, 11), records) == 0);
  REQUIRE(rig.mirror.need() == MirrorNeed::kRestart);
  REQUIRE(rig.mirror.restart_at() == Offset(5));
  rig.mirror.OnRestarted(rig.mirror.attempt(), OkStatus(), rig.now());
  REQUIRE(rig.mirror.fetch_offset() == Offset(7));  // Below it the source answers out of range.
  REQUIRE(rig.Records(Source(7, 11), records) == 2);
  REQUIRE(rig.mirror.TakeEvents().empty());
  REQUIRE_FALSE(rig.mirror.log_start_to_follow());  // Not before the batch is there.
  REQUIRE(rig.Applied(11));
  REQUIRE(rig.mirror.log_start_to_follow() == Offset(7));
}

TEST_CASE("a log is compared with the source before anything is appended") {
  Rig rig;
  const BatchSpec last{.base = 5, .count = 5};
  rig.SinkAt(0, 10, last);
  REQUIRE(rig.mirror.need() == MirrorNeed::kEpochEnd);
  REQUIRE(rig.mirror.last_epoch() == LeaderEpoch(257));

  SECTION("the same chain and the same last batch: it goes on at its end") {
    rig.EpochEnd(257, 12);
    REQUIRE(rig.mirror.need() == MirrorNeed::kLastBatch);
    REQUIRE(rig.mirror.last_batch_offset() == Offset(5));
    rig.LastBatch(Source(0, 12), MakeBatch(last));
    REQUIRE(rig.mirror.need() == MirrorNeed::kRecords);
    REQUIRE(rig.mirror.fetch_offset() == Offset(10));
  }
  SECTION("the header alone is enough to compare") {
    rig.EpochEnd(257, 12);
    Bytes header = MakeBatch(last);
    header.resize(kafka::kBatchHeaderBytes);
    rig.LastBatch(Source(0, 12), header);
    REQUIRE(rig.mirror.need() == MirrorNeed::kRecords);
  }
  SECTION("a source without epochs is compared by the last batch only") {
    rig.mirror.OnEpochEnd(rig.mirror.attempt(), ErrorCode::kUnsupportedVersion, kNoEpoch, kNoOffset,
                          rig.now());
    REQUIRE(rig.mirror.need() == MirrorNeed::kLastBatch);
  }
}

TEST_CASE("a log that does not go on where the source does has diverged") {
  Rig rig;
  const BatchSpec last{.base = 5, .count = 5};
  rig.SinkAt(0, 10, last);
  SECTION("an epoch that ends below our log is a divergence from there on") {
    rig.EpochEnd(257, 8);
    REQUIRE(rig.state() == MirrorState::kDiverged);
    const auto events = rig.mirror.TakeEvents();
    REQUIRE(events.size() == 1);
    REQUIRE(events[0].kind == MirrorEvent::Kind::kDivergence);
    REQUIRE(events[0].first == Offset(8));
    REQUIRE(events[0].end == Offset(10));
  }
  SECTION("an epoch that the source never had is a divergence") {
    rig.EpochEnd(256, 20);
    REQUIRE(rig.state() == MirrorState::kDiverged);
    REQUIRE(rig.mirror.TakeEvents()[0].first == Offset(5));
  }
  SECTION("other bytes in the last batch are a divergence") {
    rig.EpochEnd(257, 12);
    const BatchSpec other = GENERATE(
        BatchSpec{.base = 5, .count = 5, .value = "other"}, BatchSpec{.base = 5, .count = 4},
        BatchSpec{.base = 4, .count = 6}, BatchSpec{.base = 5, .count = 5, .epoch = 258});
    rig.LastBatch(Source(0, 12), MakeBatch(other));
    REQUIRE(rig.state() == MirrorState::kDiverged);
    REQUIRE(rig.mirror.TakeEvents()[0].first == Offset(other.base));
    REQUIRE(rig.mirror.need() == MirrorNeed::kNothing);
  }
  SECTION("a source that knows no epoch and is shorter has diverged") {
    rig.EpochEnd(-1, -1);
    rig.LastBatch(Source(0, 9), MakeBatch(last));
    REQUIRE(rig.state() == MirrorState::kDiverged);
    REQUIRE(rig.mirror.TakeEvents()[0].first == Offset(9));
  }
  SECTION("a leader that has our epoch but not yet a high watermark is waited for, not for ever") {
    rig.EpochEnd(257, 12);
    rig.LastBatch(Source(0, 9), MakeBatch(last));
    REQUIRE(rig.state() == MirrorState::kLocating);
    REQUIRE(rig.mirror.need() == MirrorNeed::kNothing);
    rig.Advance(std::chrono::seconds(31));
    rig.SinkAt(0, 10, last);
    rig.EpochEnd(257, 12);
    rig.LastBatch(Source(0, 9), MakeBatch(last));
    REQUIRE(rig.state() == MirrorState::kDiverged);
  }
}

TEST_CASE("a last batch that the source no longer has is continued or leaves a gap") {
  Rig rig;
  const BatchSpec last{.base = 5, .count = 5};
  rig.SinkAt(0, 10, last);
  SECTION("a last batch that the source has deleted can't be compared, but is continued") {
    rig.EpochEnd(257, 30);
    rig.LastBatch(Source(8, 30), {}, ErrorCode::kOffsetOutOfRange);
    REQUIRE(rig.mirror.need() == MirrorNeed::kRecords);
    REQUIRE(rig.mirror.fetch_offset() == Offset(10));
  }
  SECTION("a source that starts behind our end leaves a gap of exactly that range") {
    rig.EpochEnd(257, 30);
    rig.LastBatch(Source(15, 30), {}, ErrorCode::kOffsetOutOfRange);
    REQUIRE(rig.state() == MirrorState::kGap);
    const auto events = rig.mirror.TakeEvents();
    REQUIRE(events.size() == 1);
    REQUIRE(events[0].kind == MirrorEvent::Kind::kGap);
    REQUIRE(events[0].first == Offset(10));
    REQUIRE(events[0].end == Offset(15));
  }
  SECTION("out of range without the source's range proves nothing") {
    rig.EpochEnd(257, 30);
    rig.LastBatch({}, {}, ErrorCode::kOffsetOutOfRange);
    REQUIRE(rig.state() == MirrorState::kLocating);
    REQUIRE(rig.mirror.need() == MirrorNeed::kNothing);
    REQUIRE_FALSE(rig.reason().empty());
  }
}

TEST_CASE("a compacted source is compared by its epochs only") {
  Rig rig({.compacted = true});
  rig.SinkAt(0, 10, BatchSpec{.base = 5, .count = 5});
  rig.EpochEnd(257, 12);
  rig.LastBatch(Source(0, 12), MakeBatch({.base = 11}));
  REQUIRE(rig.mirror.need() == MirrorNeed::kRecords);
}

TEST_CASE("nothing is pulled onto a tail that is not durable yet") {
  Rig rig;
  const SinkEnd sink{.log_start = Offset(0),
                     .log_end = Offset(10),
                     .durable_end = Offset(5),
                     .last_epoch = LeaderEpoch(257),
                     .last_batch = HeaderOf({.base = 5, .count = 5})};
  rig.mirror.OnSinkEnd(rig.mirror.attempt(), sink, rig.now());
  REQUIRE(rig.mirror.need() == MirrorNeed::kNothing);
  rig.PastRetry();
  REQUIRE(rig.mirror.need() == MirrorNeed::kSinkEnd);
}

TEST_CASE("records are verified, handed over and counted as they become durable") {
  Rig rig;
  rig.StartAtTen();
  REQUIRE(rig.Records(Source(0, 14),
                      MakeBatches({{.base = 10, .count = 2}, {.base = 12, .count = 2}})) == 2);
  REQUIRE(rig.mirror.fetch_offset() == Offset(14));
  REQUIRE(rig.state() == MirrorState::kMirroring);
  REQUIRE(rig.mirror.status(rig.now()).applied_end == Offset(10));
  REQUIRE(*rig.mirror.status(rig.now()).lag.records == 4);
  REQUIRE(rig.Applied(14));
  REQUIRE(rig.state() == MirrorState::kCaughtUp);
  REQUIRE(*rig.mirror.status(rig.now()).lag.records == 0);
  REQUIRE(*rig.mirror.status(rig.now()).lag.seconds == 0);
}

TEST_CASE("what the log holds already and a cut batch at the end are left out") {
  Rig rig;
  rig.StartAtTen();
  Bytes records = MakeBatches({{.base = 5, .count = 5}, {.base = 10}, {.base = 11, .count = 3}});
  records.resize(records.size() - 1);
  REQUIRE(rig.Records(Source(0, 14), records) == 1);
  REQUIRE(rig.verified[0].header().base_offset == Offset(10));
  REQUIRE(rig.mirror.fetch_offset() == Offset(11));
  REQUIRE_FALSE(rig.mirror.wants_bigger_fetch());
}

TEST_CASE("an answer that holds less than one batch asks for a bigger fetch") {
  Rig rig;
  rig.StartAtTen();
  Bytes records = MakeBatch({.base = 10, .count = 3});
  records.resize(records.size() / 2);
  REQUIRE(rig.Records(Source(0, 13), records) == 0);
  REQUIRE(rig.mirror.wants_bigger_fetch());
  REQUIRE(rig.mirror.need() == MirrorNeed::kRecords);
  REQUIRE(rig.Records(Source(0, 13), MakeBatch({.base = 10, .count = 3})) == 1);
  REQUIRE_FALSE(rig.mirror.wants_bigger_fetch());
}

TEST_CASE("no more is asked for than the apply window holds") {
  Rig rig({.apply_window = ByteCount(1)});
  rig.StartAtTen();
  REQUIRE(rig.Records(Source(0, 12), MakeBatch({.base = 10})) == 1);
  REQUIRE(rig.mirror.need() == MirrorNeed::kNothing);
  rig.Applied(11);
  REQUIRE(rig.mirror.need() == MirrorNeed::kRecords);
}

TEST_CASE("a hole of the source is taken over as it is") {
  Rig rig;
  rig.StartAtTen();
  REQUIRE(rig.Records(Source(0, 31), MakeBatches({{.base = 20}, {.base = 30}})) == 2);
  REQUIRE(rig.mirror.fetch_offset() == Offset(31));
}

TEST_CASE("a bad batch halts the mirror at its offset; the good ones before it are applied (S18)") {
  Rig rig;
  rig.StartAtTen();
  Bytes records = MakeBatch({.base = 10});
  Bytes bad = GENERATE(MakeBatch({.base = 11, .epoch = 256}), MakeBatch({.base = 11}),
                       MakeBatch({.base = 9}));
  const bool flip = bad == MakeBatch({.base = 11});
  if (flip) bad.back() ^= std::byte{1};
  records.insert(records.end(), bad.begin(), bad.end());
  REQUIRE(rig.Records(Source(0, 12), records) == 1);
  REQUIRE(rig.state() == MirrorState::kHalted);
  REQUIRE(rig.mirror.need() == MirrorNeed::kNothing);
  const auto events = rig.mirror.TakeEvents();
  REQUIRE(events.size() == 1);
  REQUIRE(events[0].kind == MirrorEvent::Kind::kHalted);
  REQUIRE(events[0].first == Offset(11));
  REQUIRE(rig.Applied(11));
  REQUIRE(rig.mirror.status(rig.now()).applied_end == Offset(11));
  REQUIRE(rig.state() == MirrorState::kHalted);

  SECTION("an operator can have it tried again") {
    rig.mirror.OnOperator(false, rig.now());
    REQUIRE(rig.mirror.need() == MirrorNeed::kSinkEnd);
  }
}

TEST_CASE("a batch that verification found to differ halts the mirror; a skip leaves nothing out") {
  Rig rig;
  rig.StartAtTen();
  REQUIRE(rig.Records(Source(0, 11), MakeBatch({.base = 10})) == 1);
  rig.mirror.OnMismatch(Offset(3), Offset(5), "another batch at offset 3", rig.now());
  REQUIRE(rig.state() == MirrorState::kHalted);
  const auto events = rig.mirror.TakeEvents();
  REQUIRE(events.size() == 1);
  REQUIRE(events[0].kind == MirrorEvent::Kind::kMismatch);
  REQUIRE(events[0].first == Offset(3));
  REQUIRE(events[0].end == Offset(5));
  // What was handed over before it still counts.
  REQUIRE(rig.Applied(11));
  REQUIRE(rig.state() == MirrorState::kHalted);
  // Found twice is told once.
  rig.mirror.OnMismatch(Offset(3), Offset(5), "another batch at offset 3", rig.now());
  REQUIRE(rig.mirror.TakeEvents().empty());

  rig.mirror.OnOperator(true, rig.now());
  const auto accepted = rig.mirror.TakeEvents();
  REQUIRE(accepted.size() == 1);
  REQUIRE(accepted[0].kind == MirrorEvent::Kind::kSkipped);
  REQUIRE(accepted[0].first == Offset(3));
  REQUIRE(rig.mirror.need() == MirrorNeed::kSinkEnd);
}

TEST_CASE("an operator can leave a bad batch out, which is an event of its own") {
  Rig rig;
  rig.StartAtTen();
  Bytes bad = MakeBatch({.base = 10, .count = 2});
  bad.back() ^= std::byte{1};
  Bytes records = bad;
  const Bytes good = MakeBatch({.base = 12});
  records.insert(records.end(), good.begin(), good.end());
  rig.Records(Source(0, 13), records);
  REQUIRE(rig.state() == MirrorState::kHalted);
  rig.mirror.TakeEvents();
  rig.mirror.OnOperator(true, rig.now());
  const auto events = rig.mirror.TakeEvents();
  REQUIRE(events.size() == 1);
  REQUIRE(events[0].kind == MirrorEvent::Kind::kSkipped);
  REQUIRE(events[0].first == Offset(10));
  REQUIRE(events[0].end == Offset(12));
  rig.StartAtTen();
  REQUIRE(rig.mirror.fetch_offset() == Offset(12));
  REQUIRE(rig.Records(Source(0, 13), records) == 1);
  REQUIRE(rig.verified[0].header().base_offset == Offset(12));
}

TEST_CASE("retention that passes the mirror stops it with the exact gap, within one answer (S4)") {
  Rig rig;
  rig.StartAtTen();
  const ErrorCode error = GENERATE(ErrorCode::kNone, ErrorCode::kOffsetOutOfRange);
  rig.Records(Source(25, 30), {}, error);
  REQUIRE(rig.state() == MirrorState::kGap);
  const auto gap = rig.mirror.TakeEvents();
  REQUIRE(gap.size() == 1);
  REQUIRE(gap[0].first == Offset(10));
  REQUIRE(gap[0].end == Offset(25));

  SECTION("an operator skips it: located again, then the log begins anew") {
    rig.mirror.OnOperator(true, rig.now());
    REQUIRE(rig.mirror.TakeEvents()[0].kind == MirrorEvent::Kind::kSkipped);
    rig.SinkAt(0, 10, BatchSpec{.base = 5, .count = 5});
    rig.EpochEnd(257, 30);
    rig.LastBatch(Source(26, 30), {}, ErrorCode::kOffsetOutOfRange);
    REQUIRE(rig.mirror.need() == MirrorNeed::kRestart);
    REQUIRE(rig.mirror.restart_at() == Offset(26));
    REQUIRE(rig.mirror.TakeEvents()[0].end == Offset(26));
  }
}

TEST_CASE("with the policy skip a gap is recorded and the log begins anew by itself") {
  Rig rig({.on_gap = MirrorPolicy::OnGap::kSkip});
  rig.StartAtTen();
  rig.Records(Source(25, 30), {}, ErrorCode::kOffsetOutOfRange);
  REQUIRE(rig.mirror.TakeEvents()[0].kind == MirrorEvent::Kind::kGap);
  REQUIRE(rig.mirror.need() == MirrorNeed::kRestart);
  REQUIRE(rig.mirror.restart_at() == Offset(25));
  rig.mirror.OnRestarted(rig.mirror.attempt(), OkStatus(), rig.now());
  REQUIRE(rig.Records(Source(25, 30), MakeBatch({.base = 25, .count = 5})) == 1);
  rig.Applied(30);
  REQUIRE(rig.state() == MirrorState::kCaughtUp);
}

TEST_CASE("a crash between skipping a gap and the first record needs no second consent") {
  Rig rig;
  rig.mirror.OnCheckpoint(Offset(10), rig.now());
  rig.SinkAt(25, 25);  // Begun anew at 25.
  rig.Records(Source(27, 30), {}, ErrorCode::kOffsetOutOfRange);
  const auto events = rig.mirror.TakeEvents();
  REQUIRE(events.size() == 1);
  REQUIRE(events[0].first == Offset(25));
  REQUIRE(events[0].end == Offset(27));
  REQUIRE(rig.mirror.need() == MirrorNeed::kRestart);
}

TEST_CASE("the range of a gap is not guessed while batches are on their way to the target") {
  Rig rig;
  rig.StartAtTen();
  REQUIRE(rig.Records(Source(0, 12), MakeBatch({.base = 10})) == 1);
  rig.Records(Source(25, 30), {}, ErrorCode::kOffsetOutOfRange);
  REQUIRE(rig.state() == MirrorState::kLocating);
  REQUIRE(rig.mirror.TakeEvents().empty());
}

TEST_CASE("an error makes what is in flight inert") {
  Rig rig;
  rig.StartAtTen();
  REQUIRE(rig.Records(Source(0, 12), MakeBatch({.base = 10})) == 1);
  const uint64_t old = rig.mirror.attempt();
  rig.mirror.OnSourceLost("connection reset", rig.now());
  REQUIRE(rig.state() == MirrorState::kSourceUnavailable);
  REQUIRE(rig.reason() == "connection reset");
  REQUIRE_FALSE(rig.mirror.OnApplied(old, OkStatus(), Offset(11), rig.now()));
  rig.PastRetry();
  rig.StartAtTen();
  std::vector<kafka::BatchView> late;
  rig.mirror.OnRecords(old, ErrorCode::kNone, Source(0, 11), rig.answer, rig.now(), late);
  REQUIRE(late.empty());
}

TEST_CASE("errors of the source are waited out with a growing, named pause") {
  Rig rig;
  rig.StartAtTen();
  const ErrorCode error = GENERATE(ErrorCode::kNotLeaderOrFollower, ErrorCode::kFencedLeaderEpoch,
                                   ErrorCode::kUnknownTopicOrPartition, ErrorCode::kUnknownTopicId,
                                   ErrorCode::kKafkaStorageError, ErrorCode::kCorruptMessage);
  const bool broken = error == ErrorCode::kKafkaStorageError || error == ErrorCode::kCorruptMessage;
  rig.Records(Source(0, 12), {}, error);
  REQUIRE(rig.state() == (broken ? MirrorState::kSourceUnavailable : MirrorState::kLocating));
  REQUIRE(rig.reason().find(kafka::ErrorName(error)) != std::string::npos);
  REQUIRE(rig.mirror.need() == MirrorNeed::kNothing);
  const Duration wait = *rig.mirror.wake_at() - rig.clock.Now();
  REQUIRE(wait > Duration::zero());
  REQUIRE(wait <= std::chrono::milliseconds(100));
  rig.Advance(wait);
  REQUIRE(rig.mirror.need() == MirrorNeed::kSinkEnd);
}

TEST_CASE("a full disk at the target is named, waited out, and drops nothing") {
  Rig rig;
  rig.StartAtTen();
  REQUIRE(rig.Records(Source(0, 12), MakeBatch({.base = 10})) == 1);
  rig.mirror.OnApplied(rig.mirror.attempt(), ResourceExhausted("no space"), kNoOffset, rig.now());
  REQUIRE(rig.state() == MirrorState::kLocating);
  REQUIRE(rig.reason().find("disk is full") != std::string::npos);
  rig.PastRetry();
  rig.StartAtTen();
  REQUIRE(rig.mirror.fetch_offset() == Offset(10));
  REQUIRE(rig.Records(Source(0, 12), MakeBatch({.base = 10})) == 1);
  REQUIRE(rig.reason().find("disk is full") != std::string::npos);  // Until something got through.
  REQUIRE(rig.Applied(11));
  REQUIRE(rig.reason().empty());
}

TEST_CASE("what the target refused and the source no longer has is not waited for (L1)") {
  Rig rig;
  rig.StartAtTen();
  REQUIRE(rig.Records(Source(0, 12), MakeBatch({.base = 10})) == 1);
  rig.mirror.OnApplied(rig.mirror.attempt(), FailedPrecondition("owned by this region"), kNoOffset,
                       rig.now());
  rig.PastRetry();
  rig.mirror.OnSourceLost("no answer", rig.now());
  rig.PastRetry();
  rig.StartAtTen();  // Another owner, whose history ends at the cut.
  REQUIRE(rig.Records(Source(0, 10), {}) == 0);
  REQUIRE(rig.state() == MirrorState::kCaughtUp);
  REQUIRE(rig.reason().empty());
}

TEST_CASE("a checkpoint ahead of the log is an event, and the log wins (S6)") {
  Rig rig;
  rig.mirror.OnCheckpoint(Offset(50), rig.now());
  rig.SinkAt(0, 10, BatchSpec{.base = 5, .count = 5});
  const auto events = rig.mirror.TakeEvents();
  REQUIRE(events.size() == 1);
  REQUIRE(events[0].kind == MirrorEvent::Kind::kRollback);
  REQUIRE(events[0].first == Offset(10));
  REQUIRE(events[0].end == Offset(50));
  rig.EpochEnd(257, 60);
  rig.LastBatch(Source(0, 60), MakeBatch({.base = 5, .count = 5}));
  REQUIRE(rig.mirror.fetch_offset() == Offset(10));
}

TEST_CASE("a pause stops everything and lifts to where it was") {
  Rig rig;
  rig.StartAtTen();
  rig.mirror.OnPaused(true, rig.now());
  REQUIRE(rig.state() == MirrorState::kPaused);
  REQUIRE(rig.mirror.need() == MirrorNeed::kNothing);
  rig.mirror.OnSourceLost("gone", rig.now());
  REQUIRE(rig.state() == MirrorState::kPaused);
  rig.mirror.OnPaused(false, rig.now());
  REQUIRE(rig.mirror.need() == MirrorNeed::kSinkEnd);
  SECTION("a stop beneath the pause stays") {
    rig.StartAtTen();
    rig.Records(Source(25, 30), {}, ErrorCode::kOffsetOutOfRange);
    rig.mirror.OnPaused(true, rig.now());
    REQUIRE(rig.reason().find("gap") != std::string::npos);
    rig.mirror.OnPaused(false, rig.now());
    REQUIRE(rig.state() == MirrorState::kGap);
  }
}

TEST_CASE("a deleted source topic retires the mirror, another generation is a conflict") {
  Rig rig;
  rig.StartAtTen();
  SECTION("retired") {
    rig.mirror.OnTopicGone(rig.now());
    rig.mirror.OnTopicGone(rig.now());
    REQUIRE(rig.state() == MirrorState::kRetired);
    REQUIRE(rig.mirror.TakeEvents().size() == 1);
    rig.mirror.OnOperator(true, rig.now());
    REQUIRE(rig.state() == MirrorState::kRetired);
  }
  SECTION("conflict") {
    rig.mirror.OnConflict("created in both regions", rig.now());
    REQUIRE(rig.state() == MirrorState::kConflict);
    REQUIRE_FALSE(rig.mirror.status(rig.now()).lag.seconds);
  }
}

TEST_CASE("the source's log start is followed when nothing is in flight") {
  Rig rig;
  rig.StartAtTen();
  rig.Records(Source(6, 10), {});
  REQUIRE(rig.mirror.log_start_to_follow() == Offset(6));
  rig.mirror.OnLogStartFollowed(rig.mirror.attempt(), OkStatus(), Offset(6), rig.now());
  REQUIRE_FALSE(rig.mirror.log_start_to_follow());
  REQUIRE(rig.Records(Source(7, 11), MakeBatch({.base = 10})) == 1);
  REQUIRE_FALSE(rig.mirror.log_start_to_follow());
}

}  // namespace
}  // namespace atl::mirror
