#include "core-broker/admin/http_call.h"

#include <algorithm>
#include <charconv>

#include "base/utf8.h"

namespace atl::broker {

std::optional<std::string> DecodePercent(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    const std::string_view digits = text.substr(i + 1, 2);
    unsigned value = 0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (digits.size() != 2 || parsed.ptr != digits.data() + 2 || value == 0) return std::nullopt;
    decoded += static_cast<char>(value);
    i += 2;
  }
  return decoded;
}

std::optional<HttpCall> ParseTarget(std::string_view method, std::string_view target) {
  if (!target.starts_with('/')) return std::nullopt;
  const size_t mark = std::min(target.find('?'), target.size());
  const auto path = DecodePercent(target.substr(0, mark));
  if (!path.has_value() || !IsText(*path)) return std::nullopt;
  HttpCall call;
  call.method = method;
  call.path = *path;
  std::string_view rest = target.substr(std::min(mark + 1, target.size()));
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    const size_t equals = std::min(pair.find('='), pair.size());
    const auto name = DecodePercent(pair.substr(0, equals));
    const auto value = DecodePercent(pair.substr(std::min(equals + 1, pair.size())));
    if (!name.has_value() || !value.has_value()) return std::nullopt;
    if (!IsText(*name) || !IsText(*value)) return std::nullopt;
    if (!name->empty()) call.query[*name] = *value;
  }
  return call;
}

}  // namespace atl::broker
