#include "base/metrics_text.h"

#include <cmath>

#include <catch2/catch.hpp>

namespace atl {
namespace {

std::string TextOf(double value) {
  FamilyBuilder family("m", "h");
  family.Add({}, value);
  std::vector<MetricFamily> families;
  std::move(family).AppendTo(families);
  const std::string text = MetricsText(families);
  return text.substr(text.rfind(' ') + 1);
}

TEST_CASE("Offsets are written whole, fractions as short as they are exact", "[metrics]") {
  REQUIRE(TextOf(0) == "0\n");
  REQUIRE(TextOf(-1) == "-1\n");
  REQUIRE(TextOf(9'007'199'254'740'991) == "9007199254740991\n");
  REQUIRE(TextOf(0.1) == "0.1\n");
  REQUIRE(TextOf(1764000000.25) == "1764000000.25\n");
  REQUIRE(TextOf(1e300) == "1e+300\n");
  REQUIRE(TextOf(NAN) == "NaN\n");
  REQUIRE(TextOf(-INFINITY) == "-Inf\n");
}

TEST_CASE("Whatever a label or a help text holds, the page stays one line a series", "[metrics]") {
  FamilyBuilder family("m", "a\\b\nc \"d\"", prometheus::MetricType::Counter);
  family.Add({{"topic", "x\"y\\z\n"}, {"link", "l"}}, 3);
  std::vector<MetricFamily> families;
  std::move(family).AppendTo(families);
  REQUIRE(MetricsText(families) ==
          "# HELP m a\\\\b\\nc \"d\"\n"
          "# TYPE m counter\n"
          "m{link=\"l\",topic=\"x\\\"y\\\\z\\n\"} 3\n");
}

TEST_CASE("A histogram has its buckets in order and ends with +Inf", "[metrics]") {
  Metrics metrics;
  Histogram& histogram = metrics.GetHistogram("h_seconds", "h", {{"link", "l"}}, {0.5, 1});
  histogram.Observe(0.25);
  histogram.Observe(2);
  REQUIRE(metrics.Text() ==
          "# HELP h_seconds h\n"
          "# TYPE h_seconds histogram\n"
          "h_seconds_bucket{link=\"l\",le=\"0.5\"} 1\n"
          "h_seconds_bucket{link=\"l\",le=\"1\"} 1\n"
          "h_seconds_bucket{link=\"l\",le=\"+Inf\"} 2\n"
          "h_seconds_sum{link=\"l\"} 2.25\n"
          "h_seconds_count{link=\"l\"} 2\n");
}

}  // namespace
}  // namespace atl
