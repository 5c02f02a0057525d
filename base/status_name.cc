#include "base/status_name.h"

namespace atl {

std::string StatusCodeName(StatusCode code) { return absl::StatusCodeToString(code); }

}  // namespace atl
