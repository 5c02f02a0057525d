// What commands print. A command says once what it has to show, as a Page: the API's document, and
// lines and tables made of it; this file turns that into what -o asks for. Data on stdout, errors
// on stderr.
#pragma once

#include <boost/json/value.hpp>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/status.h"

namespace atl::cli {

namespace json = boost::json;

struct Session;

enum class Format { kTable, kWide, kJson, kYaml, kName };

// How a page is to look.
struct View {
  Format format = Format::kTable;
  bool headers = true;
  bool colour = false;
};

// A column of a table: how the cell of a row, an object of the document, reads.
struct Column {
  std::string title;
  std::function<std::string(const json::value& row)> cell;
  bool wide = false;   // Only for -o wide.
  bool names = false;  // Part of what -o name calls the row.
};
Column Field(std::string title, std::string key);  // Text(row, key)
Column Age(std::string title, std::string key);    // Seconds(row, key)
Column Made(std::string title, std::function<std::string(const json::value& row)> cell);
Column Wide(Column column);
Column Name(Column column);

// Left-aligned columns, two spaces apart; a column of numbers is right-aligned.
class Table {
 public:
  Table(std::vector<Column> columns, const json::array& rows);
  std::string ToString(const View& view) const;
  // A name per row: its cells of the columns that name it, joined by "-".
  std::vector<std::string> Names() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

class Page {
 public:
  // `document` is what json and yaml show.
  explicit Page(json::value document) : document_(std::move(document)) {}
  // What -o name prints; else the rows of the tables are named.
  Page& Named(std::string name);
  // For people, in this order; a line ends with a newline.
  Page& Line(std::string line);
  Page& Add(const Table& table);

  std::string ToString(const View& view) const;

 private:
  json::value document_;
  std::vector<std::string> names_;
  std::vector<std::variant<std::string, Table>> parts_;
};

// Writes the page to stdout as the session's -o and --no-headers say.
void Show(const Session& session, const Page& page);

// A member as text: "-" when it is missing or null, numbers without a trailing ".0".
std::string Text(const json::value& object, std::string_view key);
// Seconds as people say them: "0.4s", "2m14s"; "-" when unknown.
std::string Seconds(const json::value& object, std::string_view key);
// A member that is a number; nothing when it is missing or anything else.
template <class Number = double>
std::optional<Number> NumberOf(const json::value& object, std::string_view key) {
  const auto* members = object.if_object();
  const auto* value = members != nullptr ? members->if_contains({key.data(), key.size()}) : nullptr;
  if (value == nullptr || !value->is_number()) return std::nullopt;
  return value->to_number<Number>();
}
// Whether the member is there and true.
bool IsTrue(const json::value& object, std::string_view key);
// The array under `key`, or an empty one.
const json::array& Items(const json::value& object, std::string_view key);
// "atoll: message" on stderr; returns the exit code that fits (2 for bad arguments, else 1).
int PrintError(const Status& status);

}  // namespace atl::cli
