// Takes out of a text what looks like a secret: the value behind a key that is called like one.
#pragma once

#include <string>
#include <string_view>

namespace atl::cli {

// `password: x`, `"secret": "x"`, `token=x` and their like, to the end of the value; references
// such as ${env:NAME} stay, since they are none.
std::string Redacted(std::string_view text);

}  // namespace atl::cli
