// `atoll checkpoint inspect DIR`: every key of a store in readable form with its value, one line
// each, as JSON-like text. Opens read-only, so it also works beside a running region. What no table
// explains is printed in hex; what is damaged is named as such, and the rest goes on.
#pragma once

#include <iosfwd>
#include <string>

#include "base/status.h"
#include "checkpoint/store.h"

namespace atl::checkpoint {

// `folder` holds the store itself or is a region's dataDir. kDataLoss after the last line if any
// value was damaged.
Status Inspect(const std::string& folder, std::ostream& out);
Status Inspect(Store& store, std::ostream& out);

}  // namespace atl::checkpoint
