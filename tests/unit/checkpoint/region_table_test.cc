#include "checkpoint/region_table.h"

#include <array>

#include "checkpoint/memory_store.h"

#include <catch2/catch.hpp>

namespace atl::checkpoint {

TEST_CASE("A region's identity is durable as soon as it is written", "[checkpoint]") {
  MemoryStore store;
  RegionTable region(store);
  REQUIRE(region.Identity().value() == std::nullopt);
  const RegionIdentity identity{Uuid(std::array<uint8_t, 16>{1, 2}), RegionName("us-east"),
                                RegionOrdinal(250)};
  REQUIRE(region.PutIdentity(identity).ok());
  store.Crash();
  REQUIRE(region.Identity().value() == identity);
}

TEST_CASE("The clean-shutdown marker is taken once, and a crash does not bring it back",
          "[checkpoint]") {
  MemoryStore store;
  RegionTable region(store);
  REQUIRE(region.TakeCleanShutdown().value() == std::nullopt);
  const WallTime stopped(std::chrono::nanoseconds(1'764'000'000'000'000'000));
  REQUIRE(region.PutCleanShutdown(stopped).ok());
  store.Crash();
  REQUIRE(region.TakeCleanShutdown().value() == stopped);
  store.Crash();
  REQUIRE(region.TakeCleanShutdown().value() == std::nullopt);
}

TEST_CASE("Blocks of producer ids never overlap, across crashes too", "[checkpoint]") {
  MemoryStore store;
  REQUIRE(RegionTable(store).AllocateProducerIds().value() == 0);
  store.Crash();
  REQUIRE(RegionTable(store).AllocateProducerIds().value() == 1000);
  REQUIRE(RegionTable(store).AllocateProducerIds(500).value() == 2000);
}

TEST_CASE("An older store hands out no producer id that the logs have seen", "[checkpoint]") {
  MemoryStore store;
  RegionTable region(store);
  const MemoryStore::Image old = store.Clone();
  REQUIRE(region.AllocateProducerIds().value() == 0);
  store.Rollback(old);
  REQUIRE(region.AllocateProducerIds(738).value() == 738);
  REQUIRE(region.AllocateProducerIds().value() == 1738);
}

TEST_CASE("Producer ids end before they would run into another region's", "[checkpoint]") {
  MemoryStore store;
  RegionTable region(store);
  const int64_t limit = int64_t{1} << 40;
  REQUIRE(region.AllocateProducerIds(limit - 1000).value() == limit - 1000);
  REQUIRE(region.AllocateProducerIds().status().code() == StatusCode::kResourceExhausted);
}

TEST_CASE("A block that could not be made durable is not handed out", "[checkpoint]") {
  MemoryStore store;
  RegionTable region(store);
  store.SetFault([](MemoryStore::Operation operation) {
    return operation == MemoryStore::Operation::kSync ? Corrupt("fsync") : OkStatus();
  });
  REQUIRE(region.AllocateProducerIds().status().code() == StatusCode::kDataLoss);
}

}  // namespace atl::checkpoint
