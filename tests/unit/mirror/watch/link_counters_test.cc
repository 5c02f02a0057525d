#include "mirror/watch/link_counters.h"

#include <catch2/catch.hpp>

namespace atl::mirror {
namespace {

const Labels kOrders{{"link", "l"}, {"topic", "orders"}};

TEST_CASE("The same name and labels are one series, whoever asks") {
  Metrics metrics;
  LinkCounters counters(metrics);
  counters.GetCounter("c_total", "h", kOrders)->Increment(2);
  counters.GetCounter("c_total", "h", kOrders)->Increment();
  REQUIRE_THAT(metrics.Text(), Catch::Contains("c_total{link=\"l\",topic=\"orders\"} 3\n"));
}

TEST_CASE("Series vanish with their topic and with their link, and nothing else does") {
  Metrics metrics;
  LinkCounters counters(metrics);
  const auto held = counters.GetCounter("c_total", "h", kOrders);
  (void)counters.GetCounter("c_total", "h", {{"link", "l"}, {"topic", "invoices"}});
  (void)counters.GetGauge("g", "h", {{"link", "l"}});
  (void)counters.GetHistogram("h_seconds", "h", {{"link", "other"}});

  counters.Forget(kOrders);
  held->Increment();  // Who still holds it counts into the void.
  REQUIRE_THAT(metrics.Text(), !Catch::Contains("orders") && Catch::Contains("invoices") &&
                                   Catch::Contains("g{link=\"l\"} 0\n"));
  counters.Forget({{"link", "l"}});
  REQUIRE_THAT(metrics.Text(), !Catch::Contains("link=\"l\"") && !Catch::Contains("c_total") &&
                                   Catch::Contains("h_seconds_count{link=\"other\"} 0\n"));
  (void)counters.GetCounter("c_total", "h", kOrders);
  REQUIRE_THAT(metrics.Text(), Catch::Contains("c_total{link=\"l\",topic=\"orders\"} 0\n"));
}

}  // namespace
}  // namespace atl::mirror
