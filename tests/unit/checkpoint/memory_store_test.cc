#include "checkpoint/memory_store.h"

#include <set>
#include <string>

#include <catch2/catch.hpp>

namespace atl::checkpoint {
namespace {

WriteBatch Batch(const std::string& key, const std::string& value) {
  WriteBatch batch;
  batch.Put(key, value);
  return batch;
}

// Two synced keys, then three unsynced batches of which the second has two changes.
void Fill(MemoryStore& store) {
  REQUIRE(store.Write(Batch("lazy before", "1"), Sync::kLazy).ok());
  REQUIRE(store.Write(Batch("synced", "1"), Sync::kNow).ok());
  REQUIRE(store.Write(Batch("first", "1"), Sync::kLazy).ok());
  WriteBatch second = Batch("second", "1");
  second.Delete("synced");
  REQUIRE(store.Write(second, Sync::kLazy).ok());
  REQUIRE(store.Write(Batch("third", "1"), Sync::kLazy).ok());
}

std::set<std::string> Keys(const MemoryStore& store) {
  std::set<std::string> keys;
  for (const auto& [key, value] : store.Clone()) keys.insert(key);
  return keys;
}

}  // namespace

TEST_CASE("A crash keeps what was synced and a prefix of whole unsynced batches", "[checkpoint]") {
  const std::vector<std::set<std::string>> expected = {
      {"lazy before", "synced"},
      {"lazy before", "synced", "first"},
      {"lazy before", "first", "second"},
      {"lazy before", "first", "second", "third"},
      {"lazy before", "first", "second", "third"},  // More than there are.
  };
  for (size_t kept = 0; kept < expected.size(); ++kept) {
    MemoryStore store;
    Fill(store);
    REQUIRE(store.unsynced_batches() == 3);
    store.Crash(kept);
    REQUIRE(Keys(store) == expected[kept]);
    store.Crash();  // What survived once is durable.
    REQUIRE(Keys(store) == expected[kept]);
  }
}

TEST_CASE("A seeded crash reaches every prefix and the same seed the same one", "[checkpoint]") {
  std::set<size_t> sizes;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    MemoryStore first;
    MemoryStore second;
    Fill(first);
    Fill(second);
    Random first_random(seed);
    Random second_random(seed);
    first.Crash(first_random);
    second.Crash(second_random);
    REQUIRE(first.Clone() == second.Clone());
    sizes.insert(first.Clone().size());
  }
  REQUIRE(sizes == std::set<size_t>{2, 3, 4});
}

TEST_CASE("A flush makes lazy batches survive a crash", "[checkpoint]") {
  MemoryStore store;
  Fill(store);
  REQUIRE(store.Flush().ok());
  REQUIRE(store.unsynced_batches() == 0);
  store.Crash();
  REQUIRE(Keys(store) == std::set<std::string>{"lazy before", "first", "second", "third"});
}

TEST_CASE("A failed write or sync ends all writes until the store is reopened", "[checkpoint]") {
  using Operation = MemoryStore::Operation;
  const Operation failing = GENERATE(Operation::kWrite, Operation::kSync);
  MemoryStore store;
  Fill(store);
  store.SetFault([failing](Operation operation) {
    return operation == failing ? ResourceExhausted("disk full") : OkStatus();
  });
  const Status failed = store.Write(Batch("lost", "1"), Sync::kNow);
  REQUIRE(failed.code() == StatusCode::kDataLoss);
  REQUIRE(std::string(StatusMessage(failed)) == "checkpoint store failed: disk full");
  store.SetFault(nullptr);
  REQUIRE(store.Write(Batch("after", "1"), Sync::kLazy) == failed);
  REQUIRE(store.Flush() == failed);
  REQUIRE(store.Get("synced").ok());  // Reads go on.

  REQUIRE(store.Reopen().ok());
  REQUIRE(Keys(store) == std::set<std::string>{"lazy before", "synced"});
  REQUIRE(store.Write(Batch("after", "1"), Sync::kNow).ok());
}

TEST_CASE("A read fault is that read's result and no more", "[checkpoint]") {
  MemoryStore store;
  Fill(store);
  store.SetFault([](MemoryStore::Operation operation) {
    return operation == MemoryStore::Operation::kRead ? Corrupt("bad sector") : OkStatus();
  });
  REQUIRE(store.Get("synced").status().code() == StatusCode::kDataLoss);
  const auto visit = [](std::string_view, std::string_view) -> StatusOr<ScanStep> {
    return ScanStep::kContinue;
  };
  REQUIRE_FALSE(store.Scan("", ScanOrder::kAscending, visit).ok());
  REQUIRE(store.Write(Batch("a", "1"), Sync::kNow).ok());
  store.SetFault(nullptr);
  REQUIRE(store.Get("a").ok());
}

TEST_CASE("A rollback brings an older state back and makes it durable", "[checkpoint]") {
  MemoryStore store;
  REQUIRE(store.Write(Batch("epoch", "1"), Sync::kNow).ok());
  const MemoryStore::Image old = store.Clone();
  REQUIRE(store.Write(Batch("epoch", "2"), Sync::kNow).ok());
  REQUIRE(store.Write(Batch("more", "1"), Sync::kLazy).ok());
  store.Rollback(old);
  REQUIRE(store.Clone() == old);
  store.Crash();
  REQUIRE(store.Clone() == old);
}

}  // namespace atl::checkpoint
