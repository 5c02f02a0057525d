// What `atoll doctor` finds. The checks of other regions are here, apart from the questions to the
// API: pure, for tests.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <utility>
#include <vector>

namespace atl::cli {

namespace json = boost::json;

struct Finding {
  std::string what;
  std::string verdict;  // "ok", "warning", "wrong"
  std::string detail;
};

class Findings {
 public:
  void Ok(std::string what, std::string detail) { Add(std::move(what), "ok", std::move(detail)); }
  void Warn(std::string what, std::string detail) {
    Add(std::move(what), "warning", std::move(detail));
  }
  void Wrong(std::string what, std::string detail) {
    Add(std::move(what), "wrong", std::move(detail));
    wrong_ = true;
  }
  const std::vector<Finding>& all() const { return all_; }
  bool wrong() const { return wrong_; }

 private:
  void Add(std::string what, std::string verdict, std::string detail) {
    all_.push_back({std::move(what), std::move(verdict), std::move(detail)});
  }
  std::vector<Finding> all_;
  bool wrong_ = false;
};

// Seconds that two clocks may differ: lag in seconds and leases lean on them.
inline constexpr double kMostClockSkew = 1.0;

// One region of GET /v1/peers, seen from a region of this `version`: reachable, with a clock as
// here, and of a version that goes together with it.
void CheckPeer(const json::value& peer, const std::string& version, Findings& out);

}  // namespace atl::cli
