// Turns a request target into a call: path and query, decoded. Pure; bad encodings are refused.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core-broker/admin/router.h"

namespace atl::broker {

// Percent-decoding; nothing for a broken escape or a zero byte.
std::optional<std::string> DecodePercent(std::string_view text);
// Splits and decodes "/path?a=b&c"; nothing when it is no such target, or no text (UTF-8).
std::optional<HttpCall> ParseTarget(std::string_view method, std::string_view target);

}  // namespace atl::broker
