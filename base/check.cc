#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace atl::internal {

void CheckFailed(const char* file, int line, const char* condition, const std::string& message) {
  fmt::print(stderr, "{}:{}: CHECK({}) failed: {}\n", file, line, condition, message);
  std::abort();
}

}  // namespace atl::internal
