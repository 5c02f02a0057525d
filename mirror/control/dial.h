// Connects to a peer's control address: name, then each of its addresses, within one deadline. On
// the control reactor.
#pragma once

#include "base/clock.h"
#include "base/status.h"
#include "region-config/region.h"
#include "runtime/asio.h"
#include "runtime/reactor.h"

namespace atl::mirror {

// kUnavailable, kDeadlineExceeded; the message says what was being done.
runtime::awaitable<StatusOr<runtime::tcp::socket>> Dial(runtime::Reactor& reactor,
                                                        config::Endpoint address, Duration timeout);

}  // namespace atl::mirror
