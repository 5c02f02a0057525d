// The permission bits of a file on the machine's own file system, for checks on files that hold
// secrets. Apart from base/file.h because the simulated disks have no permissions.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"

namespace atl {

// 0600 for rw-------. Follows symbolic links.
StatusOr<uint32_t> FileMode(const std::string& path);

}  // namespace atl
