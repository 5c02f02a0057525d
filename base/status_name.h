// A status code's name as labels of metrics have it: "NOT_FOUND", "DATA_LOSS". Bounded, unlike
// messages.
#pragma once

#include <string>

#include "base/status.h"

namespace atl {

std::string StatusCodeName(StatusCode code);

}  // namespace atl
