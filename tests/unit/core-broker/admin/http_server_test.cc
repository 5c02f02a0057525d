// What a test leaves out of a message or a call has its default.
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#include <catch2/catch.hpp>

#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "core-broker/admin/http_server.h"
#include "core-broker/admin/metrics_page.h"

namespace atl::broker {
namespace {

namespace asio = runtime::asio;

class Served {
 public:
  explicit Served(const HttpLimits& limits = {}) : server_(reactor_, router_, limits) {
    RegisterMetricsPage(router_, metrics_);
    router_.Add("POST", "/echo", [](const HttpCall& call) { return HttpReply{.body = call.body}; });
    router_.Add("GET", "/big",
                [](const HttpCall&) { return HttpReply{.body = std::string(3'000'000, 'x')}; });
    REQUIRE(server_.Open("127.0.0.1", 0).ok());
    reactor_.Start();
    server_.Start();
  }
  ~Served() {
    server_.Stop();
    reactor_.Stop();
  }
  // Sends `text`, and gives all that comes until the server closes.
  std::string Talk(std::string_view text) {
    asio::io_context context;
    runtime::tcp::socket socket(context);
    socket.connect(
        {asio::ip::address_v4::loopback(), static_cast<asio::ip::port_type>(server_.port())});
    runtime::ErrorCode error;
    asio::write(socket, asio::buffer(text), error);
    std::string answer;
    asio::read(socket, asio::dynamic_buffer(answer), error);
    return answer;
  }
  Metrics& metrics() { return metrics_; }

 private:
  Metrics metrics_;
  Router router_;
  runtime::Reactor reactor_{"admin"};
  HttpServer server_;
};

bool Has(const std::string& answer, const std::string& text) {
  INFO(answer.substr(0, 300));
  const bool has = answer.find(text) != std::string::npos;
  REQUIRE(has);
  return has;
}

TEST_CASE("Requests are answered one after the other on one connection") {
  Served served;
  served.metrics().GetCounter("atoll_test_total", "For this test.").Increment();
  const std::string answer = served.Talk(
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
      "GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  REQUIRE(Has(answer, "hello"));
  REQUIRE(Has(answer, "atoll_test_total 1"));
  REQUIRE(Has(answer, "text/plain; version=0.0.4"));
}

TEST_CASE("A long answer arrives whole") {
  Served served;
  const std::string answer =
      served.Talk("GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  REQUIRE(answer.size() > 3'000'000);
}

TEST_CASE("What is no request, or breaks a limit, is refused and the connection closed") {
  struct Case {
    std::string what;
    std::string request;
    std::string status;
  };
  const std::vector<Case> cases = {
      {"not HTTP", "\x16\x03\x01\x02 nonsense\r\n\r\n", "400"},
      {"a bad version", "GET / HTTP/3.7\r\n\r\n", "400"},
      {"a header above 32 KiB",
       "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(40'000, 'x') + "\r\n\r\n", "431"},
      {"a body above 1 MiB", "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n",
       "413"},
      {"two framings",
       "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
       "0\r\n\r\n",
       "400"},
      {"two lengths",
       "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
       "400"},
      {"a length that is no number",
       "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: five\r\n\r\nhello", "400"},
      {"an undecodable path", "GET /%zz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "400"},
      {"a change from another site",
       "POST /echo HTTP/1.1\r\nHost: a\r\nOrigin: http://evil\r\nContent-Length: 0\r\n"
       "Connection: close\r\n\r\n",
       "403"},
      {"an unknown path", "GET /nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "404"},
      {"a wrong method", "DELETE /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "405"},
  };
  Served served;
  for (const Case& each : cases) {
    INFO(each.what);
    Has(served.Talk(each.request), "HTTP/1.1 " + each.status);
  }
}

TEST_CASE("A change from the same site is let through") {
  Served served;
  Has(served.Talk("POST /echo HTTP/1.1\r\nHost: a:1\r\nOrigin: http://a:1\r\nContent-Length: 2\r\n"
                  "Connection: close\r\n\r\nhi"),
      "HTTP/1.1 200");
}

TEST_CASE("A client that never finishes its request is cut off") {
  HttpLimits limits;
  limits.request_timeout = std::chrono::milliseconds(20);
  limits.idle_timeout = std::chrono::milliseconds(20);
  Served served(limits);
  REQUIRE(served.Talk("GET / HT").empty());
  REQUIRE(served.Talk("").empty());
}

}  // namespace
}  // namespace atl::broker
