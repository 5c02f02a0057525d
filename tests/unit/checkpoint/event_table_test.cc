#include "checkpoint/event_table.h"

#include <array>
#include <string>

#include "checkpoint/keys.h"
#include "checkpoint/memory_store.h"

#include <catch2/catch.hpp>

namespace atl::checkpoint {
namespace {

Event Gap(const std::string& topic, int32_t partition) {
  Event event;
  event.kind = EventKind::kGap;
  event.time = WallTime(std::chrono::nanoseconds(1'764'000'000'000'000'000));
  event.link = LinkName("east");
  event.topic = TopicName(topic);
  event.topic_id = TopicId(std::array<uint8_t, 16>{1});
  event.partition = PartitionId(partition);
  event.first = Offset(100);
  event.end = Offset(250);
  event.cause = "retention at the source";
  event.source_epoch = LeaderEpoch(257);
  return event;
}

std::unique_ptr<EventTable> Open(Store& store) {
  auto table = EventTable::Open(store);
  REQUIRE(table.ok());
  return *std::move(table);
}

std::vector<int64_t> Ids(EventTable& events, const EventFilter& filter) {
  std::vector<int64_t> ids;
  const StatusOr<std::vector<Event>> listed = events.List(filter);
  REQUIRE(listed.ok());
  for (const Event& event : *listed) ids.push_back(event.id);
  return ids;
}

}  // namespace

TEST_CASE("An event comes back with every field under a rising id", "[checkpoint]") {
  MemoryStore store;
  const auto events = Open(store);
  Event event = Gap("orders", 3);
  REQUIRE(events->Append(event, Sync::kNow).value() == 1);
  REQUIRE(events->Append(event, Sync::kNow).value() == 2);
  event.id = 2;
  REQUIRE(events->List({}).value().front() == event);
}

TEST_CASE("Events are listed newest first, by every filter, up to the limit", "[checkpoint]") {
  MemoryStore store;
  const auto events = Open(store);
  Event halted = Gap("audit", 0);
  halted.kind = EventKind::kHalted;
  halted.link = LinkName("west");
  halted.topic_id = TopicId(std::array<uint8_t, 16>{2});
  for (const Event& event : {Gap("orders", 0), halted, Gap("orders", 1)})
    REQUIRE(events->Append(event, Sync::kLazy).ok());

  using Ids_ = std::vector<int64_t>;
  REQUIRE(Ids(*events, {}) == Ids_{3, 2, 1});
  REQUIRE(Ids(*events, {.kind = EventKind::kHalted}) == Ids_{2});
  REQUIRE(Ids(*events, {.kind = EventKind::kConflict}).empty());
  REQUIRE(Ids(*events, {.link = LinkName("east")}) == Ids_{3, 1});
  REQUIRE(Ids(*events, {.topic = TopicName("audit")}) == Ids_{2});
  REQUIRE(Ids(*events, {.topic_id = halted.topic_id}) == Ids_{2});
  REQUIRE(Ids(*events, {.partition = PartitionId(0)}) == Ids_{2, 1});
  REQUIRE(Ids(*events, {.link = LinkName("east"), .limit = 1}) == Ids_{3});
  REQUIRE(Ids(*events, {.limit = 0}).empty());
}

TEST_CASE("Ids go on where they were after a restart, even over a damaged newest event",
          "[checkpoint]") {
  MemoryStore store;
  for (int64_t i = 1; i <= 3; ++i)
    REQUIRE(Open(store)->Append(Gap("orders", 0), Sync::kNow).value() == i);
  WriteBatch batch;
  batch.Put(EventKey(3), "damaged");
  REQUIRE(store.Write(batch, Sync::kNow).ok());
  const auto events = Open(store);
  REQUIRE(events->Append(Gap("orders", 0), Sync::kNow).value() == 4);
  REQUIRE(events->List({}).status().code() == StatusCode::kDataLoss);
  std::vector<Status> damaged;
  REQUIRE(events->List({}, &damaged).value().size() == 3);
  REQUIRE(damaged.size() == 1);
}

TEST_CASE("Only the newest events are kept", "[checkpoint]") {
  MemoryStore store;
  const auto events = Open(store);
  const int64_t count = EventTable::kMaxEvents + 5;
  for (int64_t i = 0; i < count; ++i) REQUIRE(events->Append(Gap("orders", 0), Sync::kLazy).ok());
  REQUIRE(store.Clone().size() == static_cast<size_t>(EventTable::kMaxEvents));
  REQUIRE(Ids(*events, {.limit = 100'000}).front() == count);
  REQUIRE(Ids(*events, {.limit = 100'000}).back() == 6);
}

TEST_CASE("A failed append is reported and its event is not there", "[checkpoint]") {
  MemoryStore store;
  const auto events = Open(store);
  store.SetFault([](MemoryStore::Operation operation) {
    return operation == MemoryStore::Operation::kWrite ? ResourceExhausted("full") : OkStatus();
  });
  REQUIRE(events->Append(Gap("orders", 0), Sync::kNow).status().code() == StatusCode::kDataLoss);
  REQUIRE(events->List({}).value().empty());
}

TEST_CASE("Kinds of events have the names that users see", "[checkpoint]") {
  REQUIRE(EventKindName(EventKind::kGap) == "gap");
  REQUIRE(EventKindName(EventKind::kGeneration) == "generation");
  REQUIRE(EventKindName(EventKind::kDivergence) == "divergence");
  REQUIRE(EventKindName(EventKind::kHalted) == "halted");
  REQUIRE(EventKindName(EventKind::kConflict) == "conflict");
  REQUIRE(EventKindName(EventKind::kRetired) == "retired");
  REQUIRE(EventKindName(EventKind::kRollback) == "rollback");
  REQUIRE(EventKindName(EventKind::kSkipped) == "skipped");
  REQUIRE(EventKindName(EventKind::kMismatch) == "mismatch");
}

}  // namespace atl::checkpoint
