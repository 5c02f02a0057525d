// A mirror of one partition with its clock, and the short ways through its events.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mirror/pull/partition_mirror.h"
#include "tests/unit/mirror/pull/batches.h"

namespace atl::mirror::test {

constexpr SourceOffsets Source(int64_t start, int64_t end) {
  return {.log_start = Offset(start), .high_watermark = Offset(end)};
}

struct PartitionRig {
  explicit PartitionRig(MirrorPolicy policy = {})
      : mirror({.link = LinkName("l"),
                .topic = TopicName("orders"),
                .topic_id = {},
                .partition = PartitionId(0)},
               policy, clock.Now(), clock.WallNow()) {}

  PartitionMirror::Now now() const { return {clock.Now(), clock.WallNow()}; }
  void Advance(Duration by) {
    clock.Advance(by);
    mirror.OnTick(now());
  }
  void PastRetry() { Advance(std::chrono::seconds(10)); }

  void SinkAt(int64_t start, int64_t end, std::optional<BatchSpec> last = {}) {
    SinkEnd sink{.log_start = Offset(start),
                 .log_end = Offset(end),
                 .durable_end = Offset(end),
                 .last_epoch = kNoEpoch,
                 .last_batch = {}};
    if (last) {
      sink.last_batch = HeaderOf(*last);
      sink.last_epoch = LeaderEpoch(last->epoch);
    }
    mirror.OnSinkEnd(mirror.attempt(), sink, now());
  }
  void EpochEnd(int32_t epoch, int64_t end) {
    mirror.OnEpochEnd(mirror.attempt(), kafka::ErrorCode::kNone, LeaderEpoch(epoch), Offset(end),
                      now());
  }
  void LastBatch(SourceOffsets source, const Bytes& records,
                 kafka::ErrorCode error = kafka::ErrorCode::kNone) {
    source.asked = clock.Now();
    mirror.OnLastBatch(mirror.attempt(), error, source, records, now());
  }
  size_t Records(SourceOffsets source, const Bytes& records,
                 kafka::ErrorCode error = kafka::ErrorCode::kNone) {
    source.asked = clock.Now();
    return LateRecords(source, records, error);
  }
  // `source.asked` is the test's.
  size_t LateRecords(const SourceOffsets& source, const Bytes& records,
                     kafka::ErrorCode error = kafka::ErrorCode::kNone) {
    answer = records;
    verified.clear();
    mirror.OnRecords(mirror.attempt(), error, source, answer, now(), verified);
    return verified.size();
  }
  bool Applied(int64_t end) {
    return mirror.OnApplied(mirror.attempt(), OkStatus(), Offset(end), now());
  }
  // An empty log of a topic that starts at 0, pulling.
  void StartEmpty() {
    SinkAt(0, 0);
    mirror.OnStart(mirror.attempt(), kafka::ErrorCode::kNone, Offset(0), now());
  }
  // A log of [0, 10) whose last batch is [5, 10), located and pulling.
  void StartAtTen() {
    const BatchSpec last{.base = 5, .count = 5};
    SinkAt(0, 10, last);
    EpochEnd(257, 10);
    LastBatch(Source(0, 10), MakeBatch(last));
  }
  MirrorState state() const { return mirror.status(now()).state; }
  std::string reason() const { return mirror.status(now()).reason; }

  ManualClock clock;
  PartitionMirror mirror;
  Bytes answer;
  std::vector<kafka::BatchView> verified;
};

}  // namespace atl::mirror::test
