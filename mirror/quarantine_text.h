// Bytes of keys and values as JSON can carry them: text where they are UTF-8, base64 where not.
// Pure.
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace atl::mirror {

// RFC 3629, strictly: no overlong form, no surrogate, nothing above U+10FFFF.
bool IsUtf8(BytesView bytes);
std::string Base64(BytesView bytes);  // RFC 4648, with padding.
// object[name] = the text; with object[nameEncoding] = "base64" where it is none; null for nothing.
void PutBytes(boost::json::object& object, std::string_view name, std::optional<BytesView> bytes);

}  // namespace atl::mirror
