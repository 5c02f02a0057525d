#include "mirror/control/dial.h"

#include <boost/beast/core/tcp_stream.hpp>

#include <vector>

namespace atl::mirror {
namespace {

namespace asio = runtime::asio;
using runtime::awaitable;
using runtime::kToken;
using runtime::tcp;

awaitable<StatusOr<std::vector<tcp::endpoint>>> Resolve(runtime::Reactor& reactor,
                                                        config::Endpoint address) {
  std::vector<tcp::endpoint> endpoints;
  runtime::ErrorCode not_numeric;
  const auto numeric = asio::ip::make_address(address.host, not_numeric);
  if (!not_numeric) {
    endpoints.emplace_back(numeric, address.port);
    co_return endpoints;
  }
  tcp::resolver resolver(reactor.context());
  const std::string service = std::to_string(address.port);
  const auto found = co_await resolver.async_resolve(address.host, service, kToken);
  const auto& [error, results] = found;
  if (error) co_return Unavailable("{}: {}", address.ToString(), error.message());
  for (const auto& entry : results) endpoints.push_back(entry.endpoint());
  co_return endpoints;
}

}  // namespace

awaitable<StatusOr<tcp::socket>> Dial(runtime::Reactor& reactor, config::Endpoint address,
                                      Duration timeout) {
  const StatusOr<std::vector<tcp::endpoint>> endpoints = co_await Resolve(reactor, address);
  CO_RETURN_IF_ERROR(endpoints.status());
  Status status = Unavailable("{}: the name has no address", address.ToString());
  boost::beast::tcp_stream stream(reactor.context());
  stream.expires_after(timeout);
  for (const tcp::endpoint& endpoint : *endpoints) {
    const auto connected = co_await stream.async_connect(endpoint, kToken);
    const auto& [error] = connected;
    if (!error) co_return stream.release_socket();
    if (error == boost::beast::error::timeout)
      co_return DeadlineExceeded("{}: no connection in time", address.ToString());
    status = Unavailable("{}: {}", address.ToString(), error.message());
  }
  co_return status;
}

}  // namespace atl::mirror
