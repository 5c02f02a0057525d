#include "atoll/cli/yaml.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>
#include <string_view>

namespace atl::cli {
namespace {

namespace json = boost::json;

// What YAML 1.1 or 1.2 has for a text without quotes; anything odd is quoted.
bool IsPlain(std::string_view text) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  constexpr std::string_view kMore = "0123456789_./@+-";
  static constexpr std::array<std::string_view, 9> kTyped = {"true", "false", "yes", "no", "on",
                                                             "off",  "null",  "y",   "n"};
  if (text.empty() || kLetters.find(text[0]) == std::string_view::npos) return false;
  const bool odd = std::ranges::any_of(text, [&](char c) {
    return kLetters.find(c) == std::string_view::npos && kMore.find(c) == std::string_view::npos;
  });
  std::string small(text);
  std::ranges::transform(small, small.begin(), [](unsigned char c) { return std::tolower(c); });
  return !odd && std::ranges::find(kTyped, small) == kTyped.end();
}

std::string Word(std::string_view text) {
  return IsPlain(text) ? std::string(text)
                       : json::serialize(json::string_view(text.data(), text.size()));
}

// YAML 1.1 takes 1e-05 for a text, and 1.0e-05 for a number.
std::string Number(double value) {
  std::string text = fmt::format("{}", value);
  const size_t exponent = text.find('e');
  if (exponent != std::string::npos && text.find('.') == std::string::npos)
    text.insert(exponent, ".0");
  return text;
}

std::string Scalar(const json::value& value) {
  if (value.is_string()) return Word({value.as_string().data(), value.as_string().size()});
  if (value.is_double()) return Number(value.as_double());
  return json::serialize(value);  // Also {} and [], which have no block form.
}

bool HasBlock(const json::value& value) {
  return (value.is_object() && !value.as_object().empty()) ||
         (value.is_array() && !value.as_array().empty());
}

// The lines of `value`, the first without its indentation: it goes on behind what leads to it.
void Append(const json::value& value, size_t indent, std::string& out) {
  const std::string margin(indent, ' ');
  bool first = true;
  const auto next = [&] {
    if (!first) out += margin;
    first = false;
  };
  if (!HasBlock(value)) {
    out += Scalar(value) + "\n";
  } else if (const auto* items = value.if_array()) {
    for (const json::value& item : *items) {
      next();
      out += "- ";
      Append(item, indent + 2, out);
    }
  } else {
    for (const auto& [key, member] : value.as_object()) {
      next();
      out += Word({key.data(), key.size()}) + ":";
      const bool block = HasBlock(member);
      const size_t deeper = block ? indent + 2 : indent;
      out += block ? "\n" + std::string(deeper, ' ') : " ";
      Append(member, deeper, out);
    }
  }
}

}  // namespace

std::string ToYaml(const json::value& document) {
  std::string out;
  Append(document, 0, out);
  return out;
}

}  // namespace atl::cli
