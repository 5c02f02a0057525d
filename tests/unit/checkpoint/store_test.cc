// One contract, two stores: every case here runs against both.
#include "checkpoint/store.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "checkpoint/memory_store.h"
#include "checkpoint/rocks_store.h"
#include "tests/support/temp_folder.h"

#include <catch2/catch.hpp>

namespace atl::checkpoint {
namespace {

using Rows = std::vector<std::pair<std::string, std::string>>;

std::unique_ptr<Store> MakeStore(const std::string& kind, const TempFolder& folder) {
  if (kind == "memory") return std::make_unique<MemoryStore>();
  StatusOr<std::unique_ptr<RocksStore>> store = RocksStore::Open(folder.path());
  REQUIRE(store.ok());
  return *std::move(store);
}

void Put(Store& store, const std::string& key, const std::string& value, Sync sync = Sync::kLazy) {
  WriteBatch batch;
  batch.Put(key, value);
  REQUIRE(store.Write(batch, sync).ok());
}

std::optional<std::string> Get(Store& store, std::string_view key) {
  StatusOr<std::optional<std::string>> value = store.Get(key);
  REQUIRE(value.ok());
  return *std::move(value);
}

Rows Scan(Store& store, std::string_view prefix, ScanOrder order = ScanOrder::kAscending) {
  Rows rows;
  REQUIRE(store
              .Scan(prefix, order,
                    [&](std::string_view key, std::string_view value) -> StatusOr<ScanStep> {
                      rows.emplace_back(key, value);
                      return ScanStep::kContinue;
                    })
              .ok());
  return rows;
}

}  // namespace

TEST_CASE("A store gives back what was put and nothing for a missing key", "[checkpoint]") {
  const TempFolder folder;
  const auto store = MakeStore(GENERATE("memory", "rocks"), folder);
  Put(*store, "key", "value");
  Put(*store, std::string("\0\xFF", 2), std::string("\0", 1), Sync::kNow);
  Put(*store, "empty", "");
  REQUIRE(Get(*store, "key") == "value");
  REQUIRE(Get(*store, std::string_view("\0\xFF", 2)) == std::string("\0", 1));
  REQUIRE(Get(*store, "empty") == "");
  REQUIRE_FALSE(Get(*store, "ke").has_value());
  REQUIRE_FALSE(Get(*store, "key2").has_value());
}

TEST_CASE("A batch is applied in order and the last change to a key wins", "[checkpoint]") {
  const TempFolder folder;
  const auto store = MakeStore(GENERATE("memory", "rocks"), folder);
  WriteBatch batch;
  batch.Put("a", "1");
  batch.Delete("a");
  batch.Put("b", "1");
  batch.Put("b", "2");
  batch.Delete("c");
  batch.Put("c", "3");
  batch.Delete("never was there");
  REQUIRE(store->Write(batch, Sync::kNow).ok());
  REQUIRE(Scan(*store, "") == Rows{{"b", "2"}, {"c", "3"}});
}

TEST_CASE("A scan visits exactly the keys with the prefix, in the order of their bytes",
          "[checkpoint]") {
  const TempFolder folder;
  const auto store = MakeStore(GENERATE("memory", "rocks"), folder);
  const std::string ff = "\xFF";
  for (const std::string& key : {std::string("b"), ff + ff + "2", std::string("a2"), ff + ff,
                                 std::string("a"), std::string("a") + ff, ff, ff + "1"})
    Put(*store, key, "v");
  const auto keys = [&](std::string_view prefix, ScanOrder order) {
    std::vector<std::string> found;
    for (const auto& [key, value] : Scan(*store, prefix, order)) found.push_back(key);
    return found;
  };
  const std::vector<std::pair<std::string, std::vector<std::string>>> rows = {
      {"a", {"a", "a2", "a" + ff}},
      {"b", {"b"}},
      {"c", {}},
      {ff, {ff, ff + "1", ff + ff, ff + ff + "2"}},
      {ff + ff, {ff + ff, ff + ff + "2"}},
      {"a2", {"a2"}},
      {"a" + ff, {"a" + ff}},
  };
  for (const auto& [prefix, expected] : rows) {
    REQUIRE(keys(prefix, ScanOrder::kAscending) == expected);
    std::vector<std::string> reversed = expected;
    std::reverse(reversed.begin(), reversed.end());
    REQUIRE(keys(prefix, ScanOrder::kDescending) == reversed);
  }
  REQUIRE(keys("", ScanOrder::kAscending).size() == 8);
  REQUIRE(keys("", ScanOrder::kDescending).front() == ff + ff + "2");
}

TEST_CASE("A scan stops when its visitor says so, and a visitor's error is its result",
          "[checkpoint]") {
  const TempFolder folder;
  const auto store = MakeStore(GENERATE("memory", "rocks"), folder);
  for (const char* key : {"a1", "a2", "a3"}) Put(*store, key, "v");
  int visits = 0;
  const auto stop = [&](std::string_view, std::string_view) -> StatusOr<ScanStep> {
    return ++visits == 2 ? ScanStep::kStop : ScanStep::kContinue;
  };
  REQUIRE(store->Scan("a", ScanOrder::kAscending, stop).ok());
  REQUIRE(visits == 2);
  const auto fail = [&](std::string_view key, std::string_view) -> StatusOr<ScanStep> {
    return NotFound("at {}", key);
  };
  REQUIRE(StatusMessage(store->Scan("a", ScanOrder::kDescending, fail)) == "at a3");
}

TEST_CASE("A scan shows the store as it was when it began, and may call the store",
          "[checkpoint]") {
  const TempFolder folder;
  const auto store = MakeStore(GENERATE("memory", "rocks"), folder);
  Put(*store, "a1", "old");
  Put(*store, "a2", "old");
  Rows rows;
  REQUIRE(store
              ->Scan("a", ScanOrder::kAscending,
                     [&](std::string_view key, std::string_view value) -> StatusOr<ScanStep> {
                       rows.emplace_back(key, value);
                       Put(*store, "a2", "new");
                       Put(*store, "a3", "new");
                       return ScanStep::kContinue;
                     })
              .ok());
  REQUIRE(rows == Rows{{"a1", "old"}, {"a2", "old"}});
  REQUIRE(Get(*store, "a2") == "new");
}

TEST_CASE("A flush of nothing new succeeds, and so does a synced empty batch", "[checkpoint]") {
  const TempFolder folder;
  const auto store = MakeStore(GENERATE("memory", "rocks"), folder);
  REQUIRE(store->Flush().ok());
  Put(*store, "a", "1");
  REQUIRE(store->Write(WriteBatch{}, Sync::kNow).ok());
  REQUIRE(store->Flush().ok());
  REQUIRE(Get(*store, "a") == "1");
}

TEST_CASE("Reopening a sound store keeps everything", "[checkpoint]") {
  const TempFolder folder;
  const auto store = MakeStore(GENERATE("memory", "rocks"), folder);
  Put(*store, "synced", "1", Sync::kNow);
  Put(*store, "lazy", "2");
  REQUIRE(store->Reopen().ok());
  REQUIRE(Scan(*store, "") == Rows{{"lazy", "2"}, {"synced", "1"}});
  Put(*store, "after", "3", Sync::kNow);
  REQUIRE(Get(*store, "after") == "3");
}

}  // namespace atl::checkpoint
