#include "kafka/wire/api_table.h"

#include "tests/unit/kafka/wire/all_messages.h"

#include <catch2/catch.hpp>

namespace atl::kafka {
namespace {

int HandleFetch() { return 1; }
int HandleProduce() { return 2; }
using Apis = ApiTable<Api<FetchRequest, &HandleFetch>, Api<ProduceRequest, &HandleProduce>>;

TEST_CASE("The table's rows come from the request structs, by key", "[api_table]") {
  static_assert(Apis::kRows.size() == 2);
  static_assert(Apis::kRows[0].key == 0 && Apis::kRows[1].key == 1);
  static_assert(Apis::Find(1)->max_version == 12);
  static_assert(Apis::Find(2) == nullptr);
  REQUIRE(Apis::Find(0)->name == "Produce");
  REQUIRE(Apis::FlexibleFrom(0) == 9);
  REQUIRE(Apis::FlexibleFrom(99) == kNeverFlexible);
}

TEST_CASE("A version is served inside its range only", "[api_table]") {
  const auto [key, version, served] = GENERATE(table<int16_t, int16_t, bool>({
      {1, 3, false},
      {1, 4, true},
      {1, 12, true},
      {1, 13, false},
      {0, 0, false},  // Advertised, not served.
      {0, 3, true},
      {-1, 0, false},
      {2, 1, false},
  }));
  REQUIRE(Apis::Serves(key, version) == served);
}

TEST_CASE("Produce is advertised from version 0", "[api_table]") {
  const std::vector<ApiVersion> rows = Apis::Advertised();
  REQUIRE(rows.size() == 2);
  REQUIRE(rows[0].api_key == 0);
  REQUIRE(rows[0].min_version == 0);
  REQUIRE(rows[0].max_version == 9);
  REQUIRE(rows[1].min_version == 4);
}

TEST_CASE("A visitor gets the row of its key with the handler", "[api_table]") {
  int called = 0;
  const auto visitor = [&]<class A>(A) { called = A::kHandler(); };
  REQUIRE(Apis::Visit(1, visitor));
  REQUIRE(called == 1);
  REQUIRE(Apis::Visit(0, visitor));
  REQUIRE(called == 2);
  REQUIRE_FALSE(Apis::Visit(7, visitor));
}

}  // namespace
}  // namespace atl::kafka
