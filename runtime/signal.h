// SIGTERM and SIGINT as an awaitable, SIGPIPE ignored. One per process, in atoll/serve.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "runtime/reactor.h"

namespace atl::runtime {

// Call before any thread is made: SIGPIPE off, and SIGTERM/SIGINT left to WaitForStopSignal.
void PrepareSignals();
// Returns the signal's number.
boost::asio::awaitable<int> WaitForStopSignal(Reactor& reactor);

}  // namespace atl::runtime
