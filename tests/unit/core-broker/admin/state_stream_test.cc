#include <atomic>
#include <boost/asio/connect.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/json/parse.hpp>

#include <catch2/catch.hpp>

#include "core-broker/admin/http_server.h"
#include "core-broker/admin/state_stream.h"

namespace atl::broker {
namespace {

namespace asio = runtime::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;

// A stream whose one section is what the test says, looked at as fast as it goes. The section says
// nothing while the number stays.
class Streaming {
 public:
  explicit Streaming(StreamLimits limits = {}, size_t row_bytes = 1)
      : shards_(1, PosixFileSystem(), "/tmp", metrics_),
        stream_(reactor_, shards_, SystemClock(), Fast(limits)),
        server_(reactor_, router_, HttpLimits(), &stream_) {
    stream_.AddSection("numbers", [this, row_bytes, shown = 0]() mutable {
      const int number = number_.load();
      if (std::exchange(shown, number) == number) return std::optional<StateRows>();
      return std::optional(StateRows{
          {"n", fmt::format(R"({{"n":{},"x":"{}"}})", number, std::string(row_bytes, 'x'))}});
    });
    RegisterStreamRoute(router_);
    REQUIRE(server_.Open("127.0.0.1", 0).ok());
    reactor_.Start();
    stream_.Start();
    server_.Start();
  }
  ~Streaming() {
    server_.Stop();
    stream_.Stop();
    shards_.Stop();
    reactor_.Stop();
  }
  std::atomic<int>& number() { return number_; }
  int port() const { return server_.port(); }

 private:
  static StreamLimits Fast(StreamLimits limits) {
    limits.every = limits.look_every = std::chrono::milliseconds(1);
    return limits;
  }

  Metrics metrics_;
  std::atomic<int> number_{1};
  Router router_;
  runtime::Reactor reactor_{"admin"};
  runtime::StorageShards shards_;
  StateStream stream_;
  HttpServer server_;
};

class Client {
 public:
  explicit Client(const Streaming& server, const std::string& origin = {}) : stream_(context_) {
    stream_.next_layer().connect(
        {asio::ip::address_v4::loopback(), static_cast<asio::ip::port_type>(server.port())});
    if (origin.empty()) return;
    stream_.set_option(
        websocket::stream_base::decorator([origin](websocket::request_type& request) {
          request.set(beast::http::field::origin, origin);
        }));
  }
  // The HTTP status: 101 when it is a stream now.
  unsigned Shake(const std::string& path = "/v1/stream") {
    websocket::response_type response;
    runtime::ErrorCode error;
    stream_.handshake(response, "localhost", path, error);
    return response.result_int();
  }
  // The next message about anything but the time; an error leaves `end()`.
  boost::json::value Next() {
    while (true) {
      beast::flat_buffer buffer;
      stream_.read(buffer, end_);
      if (end_) return {};
      const auto message = boost::json::parse(beast::buffers_to_string(buffer.data()));
      if (message.at("section") != "tick") return message;
    }
  }
  void Say(const std::string& text) { stream_.write(asio::buffer(text)); }
  const runtime::ErrorCode& end() const { return end_; }
  websocket::close_reason reason() const { return stream_.reason(); }

 private:
  asio::io_context context_;
  websocket::stream<runtime::tcp::socket> stream_;
  runtime::ErrorCode end_;
};

TEST_CASE("A reader gets the whole state, then what changes") {
  Streaming server;
  Client client(server);
  REQUIRE(client.Shake() == 101);
  const auto whole = client.Next();
  REQUIRE(whole.at("whole").as_bool());
  REQUIRE(whole.at("set").at("n").at("n").as_int64() == 1);
  server.number() = 2;
  const auto change = client.Next();
  REQUIRE_FALSE(change.at("whole").as_bool());
  REQUIRE(change.at("set").at("n").at("n").as_int64() == 2);
}

TEST_CASE("What a section has said before and does not say again is told to who comes later") {
  Streaming server;
  Client first(server);
  REQUIRE(first.Shake() == 101);
  (void)first.Next();
  server.number() = 2;
  (void)first.Next();
  Client later(server);
  REQUIRE(later.Shake() == 101);
  const auto whole = later.Next();
  REQUIRE(whole.at("whole").as_bool());
  REQUIRE(whole.at("set").at("n").at("n").as_int64() == 2);
}

TEST_CASE("A section that does not exist is refused with those that do") {
  Streaming server;
  REQUIRE(Client(server).Shake("/v1/stream?sections=nothing") == 400);
  REQUIRE(Client(server).Shake("/v1/stream?sections=numbers") == 101);
  REQUIRE(Client(server).Shake("/v1/other") == 404);
}

TEST_CASE("A page of another site can't listen") {
  Streaming server;
  REQUIRE(Client(server, "http://evil.example").Shake() == 403);
  REQUIRE(Client(server, "http://localhost").Shake() == 101);
}

TEST_CASE("There are only so many readers, and a place that is left is free again") {
  StreamLimits limits;
  limits.max_readers = 1;
  Streaming server(limits);
  {
    Client first(server);
    REQUIRE(first.Shake() == 101);
    (void)first.Next();
    REQUIRE(Client(server).Shake() == 503);
  }
  unsigned status = 503;
  while (status == 503) status = Client(server).Shake();
  REQUIRE(status == 101);
}

TEST_CASE("A reader that talks is told that nobody listens") {
  Streaming server;
  Client client(server);
  REQUIRE(client.Shake() == 101);
  client.Say("hello");
  while (!client.end()) (void)client.Next();
  REQUIRE(client.end() == websocket::error::closed);
  REQUIRE(client.reason().code == websocket::close_code::unknown_data);
}

TEST_CASE("A reader that falls behind is dropped, and reads why") {
  StreamLimits limits;
  limits.max_queued_messages = 4;
  Streaming server(limits, 1 << 20);
  Client client(server);
  REQUIRE(client.Shake() == 101);
  // More than sockets buffer, in more messages than may wait, while nothing is read.
  Client other(server);
  REQUIRE(other.Shake() == 101);
  for (int i = 2; i < 60; ++i) {
    server.number() = i;
    while (!other.end() && other.Next().at("set").at("n").at("n").as_int64() != i) {
    }
  }
  REQUIRE_FALSE(other.end());
  while (!client.end()) (void)client.Next();
  REQUIRE(client.end() == websocket::error::closed);
  REQUIRE(client.reason().code == websocket::close_code::policy_error);
  REQUIRE(std::string(client.reason().reason.c_str()).find("too slow") != std::string::npos);
}

}  // namespace
}  // namespace atl::broker
