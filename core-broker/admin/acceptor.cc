#include "core-broker/admin/acceptor.h"

namespace atl::broker {
namespace {

using runtime::tcp;
namespace asio = runtime::asio;

Status Failed(const runtime::ErrorCode& error, const std::string& host, int port) {
  return Unavailable("listen on {}:{}: {}", host, port, error.message());
}

}  // namespace

Status OpenAcceptor(tcp::acceptor& acceptor, const std::string& host, int port) {
  runtime::ErrorCode error;
  tcp::resolver resolver(acceptor.get_executor());
  const auto found = resolver.resolve(host, std::to_string(port), tcp::resolver::passive, error);
  if (error || found.empty()) return Failed(error, host, port);
  const tcp::endpoint endpoint = found.begin()->endpoint();
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(tcp::acceptor::max_listen_connections, error);
  return error ? Failed(error, host, port) : OkStatus();
}

}  // namespace atl::broker
