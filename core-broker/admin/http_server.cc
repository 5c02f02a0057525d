#include "core-broker/admin/http_server.h"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include <optional>
#include <utility>

#include "base/logging.h"
#include "core-broker/admin/acceptor.h"
#include "core-broker/admin/http_call.h"
#include "runtime/timer.h"

namespace atl::broker {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using runtime::awaitable;
using runtime::kToken;
using Response = http::response<http::string_body>;
using Parser = http::request_parser<http::string_body>;

constexpr Duration kAcceptPause = std::chrono::milliseconds(100);

std::string_view ToView(beast::string_view text) { return {text.data(), text.size()}; }

Response MakeResponse(HttpReply reply, unsigned version, bool keep_alive) {
  Response response(static_cast<http::status>(reply.status), version);
  response.set(http::field::content_type, reply.content_type);
  response.set(http::field::cache_control, "no-store");
  response.set("X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : reply.headers) response.set(name, value);
  response.body() = std::move(reply.body);
  response.keep_alive(keep_alive);
  response.prepare_payload();
  return response;
}

// A page of another site may make a browser send such a request, but can't hide where it is from.
// A WebSocket asked for by a script counts: its pages could read along.
bool IsForeign(const Parser::value_type& request) {
  const auto origin = request.find(http::field::origin);
  const bool reads = request.method() == http::verb::get && !websocket::is_upgrade(request);
  if (origin == request.end() || reads) return false;
  const std::string_view value = ToView(origin->value());
  const size_t host_at = value.find("://");
  return host_at == std::string_view::npos ||
         value.substr(host_at + 3) != ToView(request[http::field::host]);
}

// Every change that was asked for, as it came: an operator finds out who did what.
void Audit(const Parser::value_type& request, const std::string& peer, const HttpReply& reply) {
  if (request.method() == http::verb::get) return;
  LogInfo("core-broker", "audit: {} asked {} {}: {}", peer, ToView(request.method_string()),
          ToView(request.target()), reply.status);
}

HttpReply Answer(const Router& router, RememberedReplies& remembered, HttpCall call) {
  if (!router.Has(call.method, call.path)) return router.Dispatch(std::move(call));
  if (std::optional<HttpReply> before = remembered.Find(call)) return *std::move(before);
  HttpReply reply = router.Dispatch(call);
  remembered.Keep(call, reply);
  return reply;
}

// What to say to a request that can't be read; nothing when nobody is there to hear it.
std::optional<HttpReply> ReplyToBadRequest(const runtime::ErrorCode& error) {
  if (error == http::error::header_limit) return ErrorReply(431, "the header is too long");
  if (error == http::error::body_limit) return ErrorReply(413, "the body is too long");
  if (error == http::error::end_of_stream || error == http::error::partial_message ||
      error.category() != http::make_error_code(http::error::bad_method).category()) {
    return std::nullopt;
  }
  return ErrorReply(400, "not an HTTP request: " + error.message());
}

std::string PeerOf(const beast::tcp_stream& stream) {
  runtime::ErrorCode error;
  const auto peer = stream.socket().remote_endpoint(error);
  return error ? std::string("somebody") : peer.address().to_string();
}

// One client's connection: request after request until it closes, errs or idles, or until it has
// become a stream.
class Session {
 public:
  Session(runtime::tcp::socket socket, const HttpServer::Room& room, const HttpLimits& limits)
      : stream_(std::move(socket)), peer_(PeerOf(stream_)), room_(room), limits_(limits) {}

  static awaitable<void> Run(std::shared_ptr<Session> self) {
    bool open = true;
    while (open) {
      open = co_await self->ServeOne();
    }
    if (self->upgrade_.has_value()) {
      StateStream& stream = *self->room_.stream;
      co_await stream.Serve(std::move(self->stream_), std::move(self->upgrade_->request),
                            std::move(self->upgrade_->call));
      co_return;
    }
    runtime::ErrorCode ignored;
    self->stream_.socket().shutdown(runtime::tcp::socket::shutdown_both, ignored);
  }

 private:
  awaitable<bool> ServeOne() {
    const bool begun = co_await WaitForRequest();
    if (!begun) co_return false;
    Parser parser;
    parser.header_limit(limits_.header_bytes);
    parser.body_limit(limits_.body_bytes);
    stream_.expires_after(limits_.request_timeout);
    const auto read = co_await http::async_read(stream_, buffer_, parser, kToken);
    const auto& [error, count] = read;
    if (error) {
      std::optional<HttpReply> refusal = ReplyToBadRequest(error);
      if (!refusal.has_value()) co_return false;
      (void)co_await Send(MakeResponse(*std::move(refusal), 11, false));
      co_return false;
    }
    const bool keep_alive = parser.get().keep_alive();
    const unsigned version = parser.get().version();
    std::optional<HttpReply> reply = Serve(parser);
    if (!reply.has_value()) co_return false;
    const bool sent = co_await Send(MakeResponse(*std::move(reply), version, keep_alive));
    co_return sent&& keep_alive;
  }

  // Nothing: the connection becomes a stream.
  std::optional<HttpReply> Serve(Parser& parser) {
    const Parser::value_type& request = parser.get();
    std::optional<HttpCall> call =
        ParseTarget(ToView(request.method_string()), ToView(request.target()));
    if (!call.has_value()) {
      return ErrorReply(400, "the request target is not well-formed",
                        "a path and a query in percent-encoded UTF-8");
    }
    if (IsForeign(request)) {
      return ErrorReply(403, "asked for by another site",
                        "send it without an Origin header, or from this address");
    }
    if (websocket::is_upgrade(request) && call->path == StateStream::kPath) {
      return Upgrade(parser, *std::move(call));
    }
    call->body = request.body();
    call->idempotency_key = ToView(request["Idempotency-Key"]);
    HttpReply reply = Answer(room_.router, room_.remembered, *std::move(call));
    Audit(request, peer_, reply);
    return reply;
  }

  std::optional<HttpReply> Upgrade(Parser& parser, HttpCall call) {
    // Nobody who waits for the answer has sent more.
    if (buffer_.size() > 0) return ErrorReply(400, "bytes after the WebSocket's handshake");
    if (room_.stream == nullptr) return ErrorReply(404, "this server has no stream");
    std::optional<HttpReply> refused = room_.stream->Refusal(call);
    if (!refused.has_value()) upgrade_ = {parser.release(), std::move(call)};
    return refused;
  }

  awaitable<bool> WaitForRequest() {
    if (buffer_.size() > 0) co_return true;
    stream_.expires_after(limits_.idle_timeout);
    const auto room = buffer_.prepare(4096);
    const auto read = co_await stream_.async_read_some(room, kToken);
    const auto& [error, count] = read;
    if (error) co_return false;
    buffer_.commit(count);
    co_return true;
  }

  awaitable<bool> Send(Response response) {
    stream_.expires_after(limits_.reply_timeout);
    const auto written = co_await http::async_write(stream_, response, kToken);
    const auto& [error, count] = written;
    co_return !error;
  }

  struct Upgraded {
    StateStream::Request request;
    HttpCall call;
  };

  beast::tcp_stream stream_;
  const std::string peer_;
  beast::flat_buffer buffer_;
  const HttpServer::Room& room_;
  const HttpLimits& limits_;
  std::optional<Upgraded> upgrade_;
};

}  // namespace

class HttpServer::StartTask final : public runtime::ReactorTask {
 public:
  explicit StartTask(HttpServer& server) : server_(server) {}
  void RunOnReactor() override { server_.tasks_.Spawn(server_.Accept()); }

 private:
  HttpServer& server_;
};

HttpServer::HttpServer(runtime::Reactor& reactor, const Router& router, const HttpLimits& limits,
                       StateStream* stream)
    : reactor_(reactor),
      limits_(limits),
      room_{router, remembered_, stream},
      tasks_(reactor, "admin"),
      acceptor_(reactor.context()) {}

HttpServer::~HttpServer() { Stop(); }

Status HttpServer::Open(const std::string& host, int port) {
  return OpenAcceptor(acceptor_, host, port);
}

int HttpServer::port() const { return acceptor_.local_endpoint().port(); }

void HttpServer::Start() {
  started_ = true;
  std::vector<std::unique_ptr<runtime::ReactorTask>> tasks;
  tasks.push_back(std::make_unique<StartTask>(*this));
  reactor_.Post(std::move(tasks));
}

void HttpServer::Stop() {
  if (std::exchange(started_, false)) tasks_.StopFromOutside();
}

awaitable<void> HttpServer::Accept() {
  while (true) {
    auto accepted = co_await acceptor_.async_accept(kToken);
    auto& [error, socket] = accepted;
    if (tasks_.stopping()) co_return;
    if (error) {
      LogWarning("core-broker", "admin accept: {}", error.message());
      (void)co_await runtime::Sleep(kAcceptPause);
      continue;
    }
    if (tasks_.size() > limits_.max_connections) continue;  // Closes the socket.
    tasks_.Spawn(Session::Run(std::make_shared<Session>(std::move(socket), room_, limits_)));
  }
}

}  // namespace atl::broker
