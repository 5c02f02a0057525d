// What commands print: a table for people or the API's JSON for programs on stdout, errors on
// stderr.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace atl::cli {

namespace json = boost::json;

// Left-aligned columns, two spaces apart; a column of numbers is right-aligned.
class Table {
 public:
  explicit Table(std::vector<std::string> header) { rows_.push_back(std::move(header)); }
  void Add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::string ToString() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// A member as text: "-" when it is missing or null, numbers without a trailing ".0".
std::string Text(const json::value& object, std::string_view key);
// Seconds as people say them: "0.4s", "2m14s"; "-" when unknown.
std::string Seconds(const json::value& object, std::string_view key);
// The array under `key`, or an empty one.
const json::array& Items(const json::value& object, std::string_view key);

void PrintJson(const json::value& value);
// "atoll: message" on stderr; returns the exit code that fits (2 for bad arguments, else 1).
int PrintError(const Status& status);

}  // namespace atl::cli
