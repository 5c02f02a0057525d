// CHECK is for our own mistakes only: on in release, prints what it believed, and aborts. Never on
// bytes from the network or a disk, and never on anything the environment controls: those are
// Status.
#pragma once

#include <fmt/core.h>

#include <string>

namespace atl::internal {
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition,
                              const std::string& message);
}  // namespace atl::internal

#define CHECK(condition, ...)                                                                 \
  do {                                                                                        \
    if (!(condition)) [[unlikely]]                                                            \
      ::atl::internal::CheckFailed(__FILE__, __LINE__, #condition, fmt::format(__VA_ARGS__)); \
  } while (false)
