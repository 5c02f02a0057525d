// The names of Asio that everybody in a coroutine uses. Asio is called with kToken, so that an
// error is a value:
//   const auto [error, n] = co_await ...   is written   const auto result = co_await ...; const
//   auto& [error, n] = result;
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace atl::runtime {

namespace asio = boost::asio;
using asio::awaitable;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;
inline constexpr auto kToken = asio::as_tuple(asio::use_awaitable);

// Propagate a Status out of a coroutine.
#define CO_RETURN_IF_ERROR(expr)                      \
  do {                                                \
    ::atl::Status status_macro_ = (expr);             \
    if (!status_macro_.ok()) co_return status_macro_; \
  } while (false)

}  // namespace atl::runtime
