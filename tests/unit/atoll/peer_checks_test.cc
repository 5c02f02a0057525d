// What `atoll doctor` says of other regions.
#include <boost/json/parse.hpp>

#include "atoll/cli/findings.h"

#include <catch2/catch.hpp>

namespace atl::cli {
namespace {

constexpr const char* kVersion = "1.4.2";

// "verdict: detail" of each finding.
std::vector<std::string> Said(const std::string& peer, const std::string& version = kVersion) {
  Findings findings;
  CheckPeer(json::parse(peer), version, findings);
  std::vector<std::string> lines;
  for (const Finding& finding : findings.all()) {
    REQUIRE(finding.what == "peer us-east");
    lines.push_back(finding.verdict + ": " + finding.detail);
  }
  return lines;
}

std::string Peer(const std::string& software, const std::string& ahead) {
  return R"({"region":"us-east","link":"from-us-east","connected":true,"software":")" + software +
         R"(","clockAheadSeconds":)" + ahead + "}";
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("A peer that is reachable, in time and of a version that fits is well", "[cli]") {
  REQUIRE(Said(Peer("atoll 1.4.2", "-0.014")) ==
          Lines{"ok: connected, atoll 1.4.2, clocks differ by 0.01 s"});
  REQUIRE(Said(Peer("atoll 1.9.0", "1.0")) ==
          Lines{"ok: connected, atoll 1.9.0, clocks differ by 1.00 s"});
  REQUIRE(Said(Peer("atoll 1.4.2", "null")) ==
          Lines{"ok: connected, atoll 1.4.2, clocks differ by not known"});
}

TEST_CASE("Clocks more than a second apart are warned of, with the direction", "[cli]") {
  const std::string tail = "this region's: let chrony or systemd-timesyncd keep both";
  REQUIRE(Said(Peer("atoll 1.4.2", "1.01")) ==
          Lines{"warning: its clock is 1.01 s before " + tail});
  REQUIRE(Said(Peer("atoll 1.4.2", "-90")) ==
          Lines{"warning: its clock is 90.00 s behind " + tail});
}

TEST_CASE("Versions that don't go together are warned of", "[cli]") {
  struct Case {
    const char* theirs;
    const char* ours;
    bool fits;
  };
  const auto [theirs, ours, fits] = GENERATE(values<Case>({
      {"atoll 1.0.0", "1.99.3", true},
      {"atoll 2.0.0", "1.99.3", false},
      {"atoll 0.1.0", "0.1.7", true},
      {"atoll 0.2.0", "0.1.7", false},
      {"atoll 1.0.0", "0.1.7", false},
      {"atoll 10.0.0", "1.0.0", false},
      {"-", "1.0.0", false},
  }));
  INFO(theirs << " beside " << ours);
  const Lines said = Said(Peer(theirs, "0"), ours);
  REQUIRE(said.size() == 1);
  REQUIRE(said[0].starts_with(fits ? "ok: " : "warning: runs "));
}

TEST_CASE("Two things wrong are two findings", "[cli]") {
  REQUIRE(Said(Peer("atoll 2.0.0", "7")).size() == 2);
}

TEST_CASE("A peer that a link wants and nobody reaches is wrong, one that went a warning",
          "[cli]") {
  REQUIRE(Said(R"({"region":"us-east","link":"from-us-east","connected":false,"lastHeard":null,)"
               R"("reason":"Connection refused","software":null,"clockAheadSeconds":null})") ==
          Lines{"wrong: no control connection, last heard -: Connection refused; atoll link status "
                "from-us-east"});
  REQUIRE(Said(R"({"region":"us-east","link":null,"connected":false,"lastHeard":"09:00",)"
               R"("reason":"silent","software":"atoll 1.4.2","clockAheadSeconds":null})") ==
          Lines{"warning: dials this region no longer, last heard 09:00: silent"});
}

}  // namespace atl::cli
