#include "atoll/cli/output.h"

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>
#include <cmath>
#include <iostream>

#include "atoll/cli/terminal.h"

namespace atl::cli {
namespace {

// States that need somebody stand out where a terminal takes colours.
bool NeedsSomebody(std::string_view text) {
  static constexpr std::array<std::string_view, 7> kWords = {
      "halted", "gap", "diverged", "conflict", "wrong", "offline", "source_unavailable"};
  return std::ranges::find(kWords, text) != kWords.end();
}

std::string Red(const std::string& text) { return "\x1b[31m" + text + "\x1b[0m"; }

bool IsNumber(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || c == '.' || c == '-';
  });
}

}  // namespace

std::string Table::ToString() const {
  const size_t columns = rows_.front().size();
  std::vector<size_t> widths(columns, 0);
  std::vector<bool> numeric(columns, rows_.size() > 1);
  for (size_t row = 0; row < rows_.size(); ++row) {
    for (size_t column = 0; column < columns; ++column) {
      widths[column] = std::max(widths[column], rows_[row][column].size());
      if (row > 0 && !IsNumber(rows_[row][column])) numeric[column] = false;
    }
  }
  const bool colour = UseColour();
  std::string out;
  for (const auto& row : rows_) {
    std::string line;
    for (size_t column = 0; column < columns; ++column) {
      if (column > 0) line += "  ";
      const std::string padding(widths[column] - row[column].size(), ' ');
      const std::string text =
          colour && NeedsSomebody(row[column]) ? Red(row[column]) : row[column];
      line += numeric[column] ? padding + text : text + padding;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

std::string Text(const json::value& object, std::string_view key) {
  const auto* members = object.if_object();
  const auto* value = members != nullptr ? members->if_contains({key.data(), key.size()}) : nullptr;
  if (value == nullptr || value->is_null()) return "-";
  if (value->is_string()) return value->as_string().empty() ? "-" : std::string(value->as_string());
  if (value->is_double()) return fmt::format("{:g}", value->as_double());
  return json::serialize(*value);
}

std::string Seconds(const json::value& object, std::string_view key) {
  const auto* members = object.if_object();
  const auto* value = members != nullptr ? members->if_contains({key.data(), key.size()}) : nullptr;
  if (value == nullptr || !value->is_number()) return "-";
  const double seconds = value->to_number<double>();
  if (seconds < 60) return fmt::format("{:.1f}s", seconds);
  const auto whole = static_cast<int64_t>(std::llround(seconds));
  if (whole < 3600) return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  return fmt::format("{}h{:02}m", whole / 3600, whole / 60 % 60);
}

const json::array& Items(const json::value& object, std::string_view key) {
  static const json::array kNone;
  const auto* members = object.if_object();
  const auto* value = members != nullptr ? members->if_contains({key.data(), key.size()}) : nullptr;
  return value != nullptr && value->is_array() ? value->as_array() : kNone;
}

void PrintJson(const json::value& value) { std::cout << json::serialize(value) << "\n"; }

int PrintError(const Status& status) {
  std::cerr << "atoll: " << StatusMessage(status) << "\n";
  return status.code() == StatusCode::kInvalidArgument ? 2 : 1;
}

}  // namespace atl::cli
