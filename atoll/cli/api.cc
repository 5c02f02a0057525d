#include "atoll/cli/api.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/version.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>

namespace atl::cli {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::asio::ip::tcp;

constexpr auto kDeadline = std::chrono::seconds(30);
constexpr uint64_t kMaxAnswerBytes = 256 << 20;

struct HostPort {
  std::string host;
  std::string port;
};

StatusOr<HostPort> ParseEndpoint(std::string_view endpoint) {
  std::string_view rest = endpoint;
  if (rest.starts_with("http://")) rest.remove_prefix(7);
  if (rest.starts_with("https://")) {
    return InvalidArgument("--endpoint {}: https is not served yet; use http://", endpoint);
  }
  while (rest.ends_with('/')) rest.remove_suffix(1);
  const size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == rest.size()) {
    return InvalidArgument("--endpoint {}: expected http://HOST:PORT", endpoint);
  }
  std::string_view host = rest.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return HostPort{std::string(host), std::string(rest.substr(colon + 1))};
}

Status Unreachable(const std::string& endpoint, const boost::system::error_code& error) {
  return Unavailable(
      "no answer from {}: {}\n  is the region running? its ready line prints admin=HOST:PORT; name "
      "it with --endpoint "
      "or ATOLL_ENDPOINT",
      endpoint, error.message());
}

// {"error":{"code","message","hint"}} as one status.
Status ErrorFrom(int code, const json::value& body, std::string_view method,
                 std::string_view path) {
  std::string message = fmt::format("{} {} answered {}", method, path, code);
  if (const auto* object = body.if_object()) {
    if (const auto* error = object->if_contains("error"); error != nullptr && error->is_object()) {
      const auto text = [error](const char* key) -> std::string {
        const auto* value = error->as_object().if_contains(key);
        return value != nullptr && value->is_string() ? std::string(value->as_string())
                                                      : std::string();
      };
      if (!text("message").empty()) message = text("message");
      if (!text("hint").empty()) message += "\n  " + text("hint");
    }
  }
  if (code == 404) return NotFound("{}", message);
  if (code == 409) return AlreadyExists("{}", message);
  if (code >= 400 && code < 500) return InvalidArgument("{}", message);
  return InternalError("{}", message);
}

}  // namespace

StatusOr<json::value> Api::Post(std::string_view path, const json::value& body) const {
  return Call("POST", path, json::serialize(body));
}

StatusOr<std::string> Api::GetText(std::string_view path) const {
  ASSIGN_OR_RETURN(Answer answer, Exchange("GET", path, {}));
  return std::move(answer.body);
}

StatusOr<json::value> Api::Call(std::string_view method, std::string_view path,
                                const std::string& body) const {
  ASSIGN_OR_RETURN(const Answer got, Exchange(method, path, body));
  boost::system::error_code parse_error;
  json::value answer = json::parse(got.body, parse_error);
  if (got.code >= 400)
    return ErrorFrom(got.code, parse_error ? json::value() : answer, method, path);
  if (parse_error) {
    return InternalError("{} {}: the answer is not JSON ({}); is {} an Atoll admin listener?",
                         method, path, parse_error.message(), *endpoint_);
  }
  return answer;
}

StatusOr<Api::Answer> Api::Exchange(std::string_view method, std::string_view path,
                                    const std::string& body) const {
  ASSIGN_OR_RETURN(const std::string endpoint, endpoint_);
  ASSIGN_OR_RETURN(const HostPort server, ParseEndpoint(endpoint));
  boost::asio::io_context context;
  boost::system::error_code error;
  tcp::resolver resolver(context);
  const auto addresses = resolver.resolve(server.host, server.port, error);
  if (error) return Unreachable(endpoint, error);
  beast::tcp_stream stream(context);
  // A blocking call on a tcp_stream ignores its timer; the asynchronous ones honour it.
  const auto run = [&](auto&& start) {
    stream.expires_after(kDeadline);
    start();
    context.restart();
    context.run();
  };
  const auto keep = [&error](const boost::system::error_code& result, auto&&...) {
    error = result;
  };
  run([&] { stream.async_connect(addresses, keep); });
  if (error) return Unreachable(endpoint, error);

  http::request<http::string_body> request(http::string_to_verb({method.data(), method.size()}),
                                           {path.data(), path.size()}, 11);
  request.set(http::field::host, server.host);
  request.set(http::field::user_agent, "atoll-cli");
  request.keep_alive(false);
  if (!body.empty()) {
    request.set(http::field::content_type, "application/json");
    request.body() = body;
  }
  request.prepare_payload();
  run([&] { http::async_write(stream, request, keep); });
  if (error) return Unreachable(endpoint, error);

  beast::flat_buffer buffer;
  http::response_parser<http::string_body> response;
  response.body_limit(kMaxAnswerBytes);
  run([&] { http::async_read(stream, buffer, response, keep); });
  if (error) return Unreachable(endpoint, error);

  return Answer{static_cast<int>(response.get().result_int()), std::move(response.get().body())};
}

void Pause(Duration length) {
  boost::asio::io_context context;
  boost::asio::steady_timer(context, length).wait();
}

std::string EncodeSegment(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '-' || c == '.' || c == '_' || c == '~') {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", byte);
    }
  }
  return encoded;
}

}  // namespace atl::cli
