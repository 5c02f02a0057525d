// How large a frame of the control plane may be, counted before protobuf makes objects of it: a row
// of two bytes on the wire is a hundred in memory. Pure; a violation is kInvalidArgument.
#pragma once

#include <cstddef>

#include "base/bytes.h"
#include "base/status.h"

namespace atl::mirror {

// A sender splits what is larger; half of either is a good size for a part.
inline constexpr size_t kMaxControlFrame = size_t{8} << 20;
inline constexpr size_t kMaxControlRows = 100'000;
inline constexpr size_t kMaxControlLineages = 100'000;  // Over all rows of a frame.

Status CheckFrameLimits(BytesView frame);

}  // namespace atl::mirror
