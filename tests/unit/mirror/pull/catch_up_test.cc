#include "mirror/pull/catch_up.h"

#include "runtime/task_group.h"
#include "tests/unit/mirror/pull/fake_sink.h"
#include "tests/unit/mirror/pull/fake_source.h"

#include <catch2/catch.hpp>

namespace atl::mirror {
namespace {

using fake::FakeChannel;
using fake::FakeSink;
using fake::FakeSource;
using fake::FakeTarget;

// Two copies of partitions of `orders`: one ahead (the source), one to be made whole (the sink).
class Copies {
 public:
  explicit Copies(int count) : source(reactor_), channel_(source) {
    for (int i = 0; i < count; ++i) {
      targets.push_back(std::make_shared<FakeTarget>());
      targets.back()->shard_number = i % 2;
    }
  }

  // The same batches in both.
  void Both(int partition, int records) {
    source.logs[Name(partition)].Append(records, "both");
    targets[static_cast<size_t>(partition)]->log.Append(records, "both");
  }
  Status Run(MonotonicTime deadline = MonotonicTime::max()) {
    partitions = std::make_shared<std::vector<CatchUpPartition>>();
    for (size_t i = 0; i < targets.size(); ++i) {
      CatchUpPartition& one = partitions->emplace_back();
      one.at.topic = TopicName("orders");
      one.at.partition = PartitionId(static_cast<int32_t>(i));
      one.sink = targets[i];
      one.end = source.logs[Name(static_cast<int>(i))].end;
    }
    std::optional<Status> outcome;
    runtime::TaskGroup group(reactor_, "test");
    group.Spawn(Keep(this, deadline, &outcome));
    while (!outcome.has_value() || group.size() > 0) {
      reactor_.context().restart();
      reactor_.context().run_one();
    }
    return *outcome;
  }
  static fake::PartitionName Name(int partition) { return {"orders", partition}; }

 private:
  static runtime::awaitable<void> Keep(Copies* self, MonotonicTime deadline,
                                       std::optional<Status>* outcome) {
    *outcome = co_await CatchUp(self->reactor_, SystemClock(), self->channel_, self->sink,
                                self->partitions, deadline);
  }

  runtime::Reactor reactor_{"test"};

 public:
  FakeSource source;
  FakeSink sink;
  std::vector<std::shared_ptr<FakeTarget>> targets;
  std::shared_ptr<std::vector<CatchUpPartition>> partitions;

 private:
  FakeChannel channel_;
};

TEST_CASE("What a copy lacks is pulled verbatim up to where the other one ends") {
  Copies copies(20);
  for (int i = 0; i < 20; ++i) {
    if (i % 3 > 0) copies.Both(i, 5);
    for (int more = 0; more < i % 4; ++more) copies.source.logs[Copies::Name(i)].Append(7, "more");
  }
  REQUIRE(copies.Run() == OkStatus());
  for (int i = 0; i < 20; ++i) {
    const auto at = static_cast<size_t>(i);
    REQUIRE(copies.targets[at]->log.All() == copies.source.logs[Copies::Name(i)].All());
    REQUIRE((*copies.partitions)[at].pulled == 7 * (i % 4));
  }
}

TEST_CASE("Records behind the end that was promised are left alone") {
  Copies copies(1);
  copies.Both(0, 5);
  copies.source.logs[Copies::Name(0)].Append(3, "asked");
  REQUIRE(copies.Run() == OkStatus());
  copies.source.logs[Copies::Name(0)].Append(3, "later");
  copies.partitions->front().end = Offset(8);
  REQUIRE(copies.targets[0]->log.end == Offset(8));
}

TEST_CASE("A copy whose last batch is another one is not appended to") {
  Copies copies(1);
  copies.source.logs[Copies::Name(0)].Append(5, "theirs");
  copies.source.logs[Copies::Name(0)].Append(5, "more");
  copies.targets[0]->log.Append(5, "ours");
  const Status status = copies.Run();
  REQUIRE(status.code() == StatusCode::kDataLoss);
  REQUIRE(copies.targets[0]->log.end == Offset(5));
}

TEST_CASE("A damaged batch ends it, what came before it stays") {
  Copies copies(1);
  copies.Both(0, 5);
  fake::Log& log = copies.source.logs[Copies::Name(0)];
  log.Append(1, "good");
  log.Append(1, "bad");
  log.batches.back().back() ^= std::byte{1};
  REQUIRE(copies.Run().code() == StatusCode::kDataLoss);
  REQUIRE(copies.targets[0]->log.end == Offset(6));
  REQUIRE((*copies.partitions)[0].pulled == 1);
}

TEST_CASE("A region that does not have what it said is left, and so is one that is too slow") {
  Copies copies(1);
  copies.Both(0, 5);
  copies.source.logs[Copies::Name(0)].end = Offset(9);
  REQUIRE(copies.Run().code() == StatusCode::kUnavailable);
  REQUIRE(copies.Run(SystemClock().Now()).code() == StatusCode::kDeadlineExceeded);
}

}  // namespace
}  // namespace atl::mirror
