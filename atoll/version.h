// What this build is; both come from CMake.
#pragma once

namespace atl {

inline constexpr const char* kVersion = ATOLL_VERSION;
inline constexpr const char* kCommit = ATOLL_COMMIT;

}  // namespace atl
