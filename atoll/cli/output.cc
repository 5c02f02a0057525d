#include "atoll/cli/output.h"

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>
#include <cmath>
#include <iostream>

#include "atoll/cli/command.h"
#include "atoll/cli/terminal.h"
#include "atoll/cli/yaml.h"

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

const json::value* Find(const json::value& object, std::string_view key) {
  const auto* members = object.if_object();
  return members != nullptr ? members->if_contains({key.data(), key.size()}) : nullptr;
}

// The cells of one column, as wide as the widest; the last column of a line is not padded.
std::vector<std::string> Padded(const std::vector<std::string>& cells, size_t first_row,
                                const View& view) {
  size_t width = 0;
  for (const std::string& cell : cells) width = std::max(width, cell.size());
  const bool numeric =
      cells.size() > first_row &&
      std::all_of(cells.begin() + static_cast<ptrdiff_t>(first_row), cells.end(), IsNumber);
  std::vector<std::string> padded;
  for (const std::string& cell : cells) {
    const std::string padding(width - cell.size(), ' ');
    const std::string text = view.colour && NeedsSomebody(cell) ? Red(cell) : cell;
    padded.push_back(numeric ? padding + text : text + padding);
  }
  return padded;
}

}  // namespace

Column Field(std::string title, std::string key) {
  return Made(std::move(title),
              [key = std::move(key)](const json::value& row) { return Text(row, key); });
}

Column Age(std::string title, std::string key) {
  return Made(std::move(title),
              [key = std::move(key)](const json::value& row) { return Seconds(row, key); });
}

Column Made(std::string title, std::function<std::string(const json::value& row)> cell) {
  return Column{std::move(title), std::move(cell)};
}

Column Wide(Column column) {
  column.wide = true;
  return column;
}

Column Name(Column column) {
  column.names = true;
  return column;
}

Table::Table(std::vector<Column> columns, const json::array& rows) : columns_(std::move(columns)) {
  for (const json::value& row : rows) {
    std::vector<std::string>& cells = rows_.emplace_back();
    for (const Column& column : columns_) cells.push_back(column.cell(row));
  }
}

std::string Table::ToString(const View& view) const {
  const size_t first_row = view.headers ? 1 : 0;
  std::vector<std::string> lines(rows_.size() + first_row);
  for (size_t column = 0; column < columns_.size(); ++column) {
    if (columns_[column].wide && view.format != Format::kWide) continue;
    std::vector<std::string> cells;
    if (view.headers) cells.push_back(columns_[column].title);
    for (const auto& row : rows_) cells.push_back(row[column]);
    cells = Padded(cells, first_row, view);
    for (size_t i = 0; i < lines.size(); ++i) lines[i] += (column > 0 ? "  " : "") + cells[i];
  }
  std::string out;
  for (std::string& line : lines) {
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

std::vector<std::string> Table::Names() const {
  std::vector<std::string> names;
  for (const auto& row : rows_) {
    std::string name;
    for (size_t column = 0; column < columns_.size(); ++column) {
      if (columns_[column].names) name += (name.empty() ? "" : "-") + row[column];
    }
    if (!name.empty()) names.push_back(std::move(name));
  }
  return names;
}

Page& Page::Named(std::string name) {
  names_.push_back(std::move(name));
  return *this;
}

Page& Page::Line(std::string line) {
  parts_.emplace_back(std::move(line));
  return *this;
}

Page& Page::Add(const Table& table) {
  parts_.emplace_back(table);
  return *this;
}

std::string Page::ToString(const View& view) const {
  if (view.format == Format::kJson) return json::serialize(document_) + "\n";
  if (view.format == Format::kYaml) return ToYaml(document_);
  std::string out;
  if (view.format == Format::kName) {
    std::vector<std::string> names = names_;
    for (const auto& part : parts_) {
      const auto* table = std::get_if<Table>(&part);
      if (table != nullptr && names_.empty())
        std::ranges::move(table->Names(), std::back_inserter(names));
    }
    for (const std::string& name : names) out += name + "\n";
    return out;
  }
  for (const auto& part : parts_) {
    const auto* table = std::get_if<Table>(&part);
    out += table != nullptr ? table->ToString(view) : std::get<std::string>(part);
  }
  return out;
}

void Show(const Session& session, const Page& page) {
  const View view{session.format, session.headers, UseColour()};
  // Looks of --watch are documents of one stream.
  if (session.watch && view.format == Format::kYaml) std::cout << "---\n";
  std::cout << page.ToString(view);
}

std::string Text(const json::value& object, std::string_view key) {
  const auto* value = Find(object, key);
  if (value == nullptr || value->is_null()) return "-";
  if (value->is_string()) return value->as_string().empty() ? "-" : std::string(value->as_string());
  if (value->is_double()) return fmt::format("{:g}", value->as_double());
  return json::serialize(*value);
}

std::string Seconds(const json::value& object, std::string_view key) {
  const std::optional<double> seconds = NumberOf(object, key);
  if (!seconds) return "-";
  if (*seconds < 60) return fmt::format("{:.1f}s", *seconds);
  const auto whole = static_cast<int64_t>(std::llround(*seconds));
  if (whole < 3600) return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  return fmt::format("{}h{:02}m", whole / 3600, whole / 60 % 60);
}

bool IsTrue(const json::value& object, std::string_view key) {
  const auto* value = Find(object, key);
  return value != nullptr && value->is_bool() && value->get_bool();
}

const json::array& Items(const json::value& object, std::string_view key) {
  static const json::array kNone;
  const auto* value = Find(object, key);
  return value != nullptr && value->is_array() ? value->as_array() : kNone;
}

int PrintError(const Status& status) {
  std::cerr << "atoll: " << StatusMessage(status) << "\n";
  return status.code() == StatusCode::kInvalidArgument ? 2 : 1;
}

}  // namespace atl::cli
