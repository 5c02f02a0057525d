// logging and metrics: what leaves the process for people and for Prometheus.
#include <unistd.h>

#include <cstdio>
#include <string>
#include <thread>

#include "base/logging.h"
#include "base/metrics.h"

#include <catch2/catch.hpp>

namespace atl {
namespace {

// What `action` writes to stderr.
template <class Action>
std::string StderrOf(Action action) {
  std::FILE* const file = std::tmpfile();
  REQUIRE(file != nullptr);
  const int saved = ::dup(2);
  ::dup2(::fileno(file), 2);
  action();
  std::fflush(stderr);
  ::dup2(saved, 2);
  ::close(saved);
  std::rewind(file);
  std::string text(4096, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file));
  std::fclose(file);
  return text;
}

TEST_CASE("A log line has time, level, area and message", "[logging]") {
  const std::string line = StderrOf([] { LogInfo("broker", "serves {} topics", 3); });
  REQUIRE_THAT(
      line,
      Catch::Matches(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info broker serves 3 topics\n)"));
}

TEST_CASE("A message stays one line whatever a client put into it", "[logging]") {
  const std::string line =
      StderrOf([] { LogWarning("broker", "client {}", "a\nERROR forged\x1b[2J {}"); });
  REQUIRE(line.find('\n') == line.size() - 1);
  REQUIRE_THAT(line, Catch::Contains("client a\\x0aERROR forged\\x1b[2J {}"));
}

TEST_CASE("Lines below the level are not written", "[logging]") {
  REQUIRE_FALSE(LogEnabled(LogLevel::kDebug));
  REQUIRE(StderrOf([] { LogDebug("broker", "hidden"); }).empty());
  SetLogLevel(LogLevel::kDebug);
  REQUIRE_FALSE(StderrOf([] { LogDebug("broker", "seen"); }).empty());
  SetLogLevel(LogLevel::kError);
  REQUIRE(StderrOf([] { LogWarning("broker", "hidden"); }).empty());
  SetLogLevel(LogLevel::kInfo);
}

TEST_CASE("A throttle lets one through per period and counts the others", "[logging]") {
  ManualClock clock;
  LogThrottle throttle(std::chrono::seconds(10));
  REQUIRE(throttle.Allow(clock.Now()));
  REQUIRE_FALSE(throttle.Allow(clock.Now()));
  clock.Advance(std::chrono::milliseconds(9999));
  REQUIRE_FALSE(throttle.Allow(clock.Now()));
  clock.Advance(std::chrono::milliseconds(1));
  REQUIRE(throttle.Allow(clock.Now()));
  REQUIRE(throttle.held_back() == 2);
}

TEST_CASE("The same name and labels give the same metric", "[metrics]") {
  Metrics metrics;
  Counter& counter = metrics.GetCounter("atoll_x_total", "x", {{"api", "Fetch"}});
  counter.Increment(2);
  REQUIRE(&metrics.GetCounter("atoll_x_total", "other help", {{"api", "Fetch"}}) == &counter);
  REQUIRE(&metrics.GetCounter("atoll_x_total", "x", {{"api", "Produce"}}) != &counter);
  metrics.GetGauge("atoll_y", "y").Set(1.5);
  metrics.GetHistogram("atoll_z_seconds", "z").Observe(0.0002);
  const std::string text = metrics.Text();
  REQUIRE_THAT(text, Catch::Contains("# HELP atoll_x_total x\n# TYPE atoll_x_total counter\n"));
  REQUIRE_THAT(text, Catch::Contains("atoll_x_total{api=\"Fetch\"} 2\n"));
  REQUIRE_THAT(text, Catch::Contains("atoll_y 1.5\n"));
  REQUIRE_THAT(text, Catch::Contains("atoll_z_seconds_bucket{le=\"0.0001\"} 0\n"));
  REQUIRE_THAT(text, Catch::Contains("atoll_z_seconds_bucket{le=\"0.00025\"} 1\n"));
  REQUIRE_THAT(text, Catch::Contains("atoll_z_seconds_bucket{le=\"+Inf\"} 1\n"));
}

TEST_CASE("A histogram can have buckets of its own", "[metrics]") {
  Metrics metrics;
  metrics.GetHistogram("atoll_b_bytes", "b", {}, {10, 100}).Observe(50);
  REQUIRE_THAT(metrics.Text(), Catch::Contains("atoll_b_bytes_bucket{le=\"100\"} 1\n"));
}

TEST_CASE("A collector is asked at each scrape until its handle is gone", "[metrics]") {
  Metrics metrics;
  int asked = 0;
  auto handle = metrics.AddCollector([&asked](std::vector<MetricFamily>& out) {
    FamilyBuilder family("atoll_lag", "Lag.");
    family.Add({{"topic", "t\"1"}}, ++asked);
    std::move(family).AppendTo(out);
  });
  REQUIRE_THAT(metrics.Text(), Catch::Contains("atoll_lag{topic=\"t\\\"1\"} 1\n"));
  REQUIRE_THAT(metrics.Text(), Catch::Contains("} 2\n"));
  handle.reset();
  REQUIRE_THAT(metrics.Text(), !Catch::Contains("atoll_lag"));
  REQUIRE(asked == 2);
}

TEST_CASE("A collector may use the metrics itself", "[metrics]") {
  Metrics metrics;
  const auto handle = metrics.AddCollector([&metrics](std::vector<MetricFamily>&) {
    metrics.GetCounter("atoll_scrapes_total", "Scrapes.").Increment();
  });
  metrics.Text();
  REQUIRE_THAT(metrics.Text(), Catch::Contains("atoll_scrapes_total 1\n"));
}

TEST_CASE("One family from several collectors is one family on the page, sorted by name",
          "[metrics]") {
  Metrics metrics;
  metrics.GetGauge("atoll_z", "z").Set(1);
  std::vector<std::shared_ptr<void>> handles;
  for (const char* link : {"a", "b"}) {
    handles.push_back(metrics.AddCollector([link](std::vector<MetricFamily>& out) {
      FamilyBuilder family("atoll_mirror_records_total", "Records.",
                           prometheus::MetricType::Counter);
      family.Add({{"link", link}}, 7);
      std::move(family).AppendTo(out);
      FamilyBuilder("atoll_empty", "No series.").AppendTo(out);
    }));
  }
  const std::vector<MetricFamily> families = metrics.Collect();
  REQUIRE(families.size() == 2);
  REQUIRE(families[0].name == "atoll_mirror_records_total");
  REQUIRE(families[0].metric.size() == 2);
  REQUIRE(families[0].metric[1].counter.value == 7);
  REQUIRE(families[1].name == "atoll_z");
}

TEST_CASE("Once a handle is gone its collector does not run any more, even on another thread",
          "[metrics]") {
  Metrics metrics;
  std::thread scraper([&metrics] {
    for (int i = 0; i < 200; ++i) metrics.Collect();
  });
  for (int i = 0; i < 200; ++i) {
    auto state = std::make_unique<int>(i);
    auto handle =
        metrics.AddCollector([raw = state.get()](std::vector<MetricFamily>&) { *raw += 1; });
    handle.reset();
    state.reset();  // A collector still running would be a use after free.
  }
  scraper.join();
}

}  // namespace
}  // namespace atl
