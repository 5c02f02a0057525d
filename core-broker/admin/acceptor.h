// Opens a listening TCP socket the way all of ours are: address reuse on, buffer sizes left to the
// kernel. Errors name the address and the cause.
#pragma once

#include <string>

#include "base/status.h"
#include "runtime/asio.h"

namespace atl::broker {

// `host` is an address or a name; port 0 takes one that is free. Blocks for a name's resolution.
Status OpenAcceptor(runtime::tcp::acceptor& acceptor, const std::string& host, int port);

}  // namespace atl::broker
