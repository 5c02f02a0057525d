// What the machine has, for the defaults of thread counts. Any thread.
#pragma once

namespace atl::runtime {

// Processors this process may run on, at least 1.
int HardwareThreads();

}  // namespace atl::runtime
