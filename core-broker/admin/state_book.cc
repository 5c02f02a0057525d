#include "core-broker/admin/state_book.h"

#include <fmt/core.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <iterator>
#include <utility>

namespace atl::broker {
namespace {

std::string Quoted(const std::string& text) {
  return boost::json::serialize(boost::json::string(text.data(), text.size()));
}

// Grows `list` by one item.
void Append(std::string& list, const std::string& item) {
  if (!list.empty()) list += ',';
  list += item;
}

std::string Message(const std::string& section, bool whole, const std::string& set,
                    const std::string& gone, size_t left_out) {
  return fmt::format(R"({{"section":{},"whole":{},"set":{{{}}},"gone":[{}],"leftOut":{}}})",
                     Quoted(section), whole, set, gone, left_out);
}

}  // namespace

std::string StateBook::Replace(const std::string& section, StateRows rows) {
  Section& known = sections_[section];
  const size_t left_out = rows.size() - std::min(rows.size(), kMostRows);
  while (rows.size() > kMostRows) rows.erase(std::prev(rows.end()));
  std::string set;
  std::string gone;
  for (const auto& [key, row] : rows) {
    const auto before = known.rows.find(key);
    if (before != known.rows.end() && before->second == row) continue;
    Append(set, Quoted(key) + ":" + row);
  }
  for (const auto& [key, row] : known.rows) {
    if (!rows.contains(key)) Append(gone, Quoted(key));
  }
  const bool same = set.empty() && gone.empty() && left_out == known.left_out;
  known = {std::move(rows), left_out};
  return same ? std::string() : Message(section, false, set, gone, left_out);
}

std::string StateBook::Whole(const std::string& section) const {
  const auto known = sections_.find(section);
  if (known == sections_.end()) return Message(section, true, "", "", 0);
  std::string set;
  for (const auto& [key, row] : known->second.rows) Append(set, Quoted(key) + ":" + row);
  return Message(section, true, set, "", known->second.left_out);
}

}  // namespace atl::broker
