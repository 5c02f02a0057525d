#include "runtime/hardware.h"

#include <algorithm>
#include <thread>

namespace atl::runtime {

int HardwareThreads() {
  return static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

}  // namespace atl::runtime
