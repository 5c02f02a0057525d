// A broker on loopback whose answers a test writes: one connection after the other, one request at
// a time, on the test's own reactor (not started: the test runs its io_context). Port 0.
#pragma once

#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "kafka/wire/api_table.h"
#include "kafka/wire/frame.h"
#include "kafka/wire/schema/api_versions.h"
#include "runtime/asio.h"
#include "runtime/reactor.h"
#include "runtime/task_group.h"
#include "runtime/timer.h"

namespace atl::kafka {

// Cancels a group's tasks and runs the (not started) reactor until they have ended.
inline void StopTasks(runtime::Reactor& reactor, runtime::TaskGroup& group) {
  bool stopped = false;
  runtime::TaskGroup stopper(reactor, "stopper");
  const auto stop = [](runtime::TaskGroup& of, bool& done) -> runtime::awaitable<void> {
    co_await of.Stop();
    done = true;
  };
  stopper.Spawn(stop(group, stopped));
  reactor.context().restart();
  while (!stopped || stopper.size() > 0) reactor.context().run_one();
}

class FakeBroker {
 public:
  struct Request {
    RequestHeader header;
    BytesView body;
  };
  struct Reply {
    Bytes bytes;       // As they go over the wire, length included.
    size_t chunk = 0;  // Sent in pieces of so many bytes, with `pause` between; 0: at once.
    Duration pause{};
    bool close = false;   // After the bytes.
    bool silent = false;  // Nothing is sent, the connection stays open.
  };
  using Script = std::function<Reply(const Request&)>;

  FakeBroker(runtime::Reactor& reactor, Script script)
      : acceptor_(reactor.context(),
                  runtime::tcp::endpoint(runtime::asio::ip::make_address("127.0.0.1"), 0)),
        script_(std::move(script)) {}

  uint16_t port() const { return acceptor_.local_endpoint().port(); }
  int accepted() const { return accepted_; }

  runtime::awaitable<void> Run() {
    for (;;) {
      runtime::tcp::socket socket(acceptor_.get_executor());
      const auto result = co_await acceptor_.async_accept(socket, runtime::kToken);
      const auto& [error] = result;
      if (error) co_return;
      ++accepted_;
      co_await Serve(std::move(socket));
    }
  }

  template <ResponseMessage M>
  static Bytes Encode(const Request& request, const M& message) {
    return EncodeFor(request, request.header.api_version, message);
  }
  template <ResponseMessage M>
  static Bytes EncodeFor(const Request& request, int16_t version, const M& message) {
    WireBuffer out;
    const Status status = EncodeResponse(out, request.header.correlation_id, version, message);
    if (!status.ok()) return {};
    return *out.Flatten();
  }
  template <RequestMessage R>
  static R Decoded(const Request& request) {
    return *Decode<R>(request.body, request.header.api_version);
  }
  static ApiVersionsResponse Versions(std::vector<ApiVersion> apis) {
    ApiVersionsResponse response;
    response.api_keys = std::move(apis);
    return response;
  }

 private:
  static int16_t FlexibleFrom(int16_t key) {
    switch (key) {
      case 1:
        return 12;
      case 2:
        return 6;
      case 3:
        return 9;
      case 18:
        return 3;
      case 23:
        return 4;
      case 32:
        return 4;
      default:
        return kNeverFlexible;
    }
  }

  runtime::awaitable<void> Serve(runtime::tcp::socket socket) {
    Bytes frame;
    for (;;) {
      Bytes length(4);
      const auto head = co_await async_read(socket, runtime::asio::buffer(length), runtime::kToken);
      if (std::get<0>(head)) co_return;
      frame.resize(static_cast<size_t>(LoadBig<int32_t>(length.data())));
      const auto body = co_await async_read(socket, runtime::asio::buffer(frame), runtime::kToken);
      if (std::get<0>(body)) co_return;
      Request request;
      request.body = frame;
      request.header = *ReadRequestHeader(request.body, &FlexibleFrom);
      const Reply reply = script_(request);
      if (reply.silent) continue;
      const size_t chunk = reply.chunk == 0 ? reply.bytes.size() : reply.chunk;
      for (size_t at = 0; at < reply.bytes.size(); at += chunk) {
        const size_t count = std::min(chunk, reply.bytes.size() - at);
        const auto piece = runtime::asio::buffer(reply.bytes.data() + at, count);
        const auto sent = co_await async_write(socket, piece, runtime::kToken);
        if (std::get<0>(sent)) co_return;
        if (reply.pause > Duration(0)) (void)co_await runtime::Sleep(reply.pause);
      }
      if (reply.close) co_return;
    }
  }

  runtime::tcp::acceptor acceptor_;
  const Script script_;
  int accepted_ = 0;
};

}  // namespace atl::kafka
