// What the event stream has told its readers: named sections, each with rows by key, a row being
// one JSON object. A section is replaced as a whole; what differs from before becomes one message:
//   {"section":"links","set":{"from-us-east":{...}},"gone":["old"]}
// and a newcomer gets the same with "whole":true and every row. Pure; one thread at a time.
#pragma once

#include <map>
#include <string>

namespace atl::broker {

// Key -> JSON object, serialized.
using StateRows = std::map<std::string, std::string>;

class StateBook {
 public:
  // Rows of one section beyond this number are left out (the API has them), and "leftOut" says how
  // many.
  static constexpr size_t kMostRows = 20'000;

  // The message that tells the difference; empty when there is none.
  std::string Replace(const std::string& section, StateRows rows);
  std::string Whole(const std::string& section) const;

 private:
  struct Section {
    StateRows rows;
    size_t left_out = 0;
  };
  std::map<std::string, Section> sections_;
};

}  // namespace atl::broker
