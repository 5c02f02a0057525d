// SIGTERM, SIGINT and SIGHUP as an awaitable, SIGPIPE ignored. One per process, in atoll/serve.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "runtime/reactor.h"

namespace atl::runtime {

// Call before any thread is made: SIGPIPE off, and the others left to WaitForSignal.
void PrepareSignals();
// The next of them, by its number; one that came between two waits is not lost.
boost::asio::awaitable<int> WaitForSignal(Reactor& reactor);
// From here on SIGTERM and SIGINT end the process at once, as if never prepared, and SIGHUP is
// ignored. On the thread that called PrepareSignals.
void LetSignalsEndUs();

}  // namespace atl::runtime
