// One request on its way through a handler, and its answer. A handler gets it as an ExchangePtr,
// and answers exactly once, now or later, on the exchange's home reactor: Reply, ReplyNothing or
// Break. Jobs on other threads hold the pointer, so the frame's bytes stay alive with them; there
// they only read the request.
//
// Lives on its home reactor. When the connection is gone the answer goes nowhere.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "core-broker/server/handlers/broker.h"
#include "core-broker/server/handlers/first_error.h"
#include "core-broker/server/handlers/frame_buffer.h"
#include "kafka/wire/frame.h"
#include "runtime/reactor.h"

namespace atl::broker {

class Exchange;
class FetchSessions;
using ExchangePtr = std::shared_ptr<Exchange>;

// The connection: told once per exchange that the answer is there.
class ExchangeListener {
 public:
  virtual ~ExchangeListener() = default;
  virtual void OnAnswer(Exchange& exchange) = 0;
};

// A request that waits for more than one event: a long-polled fetch.
class Parked {
 public:
  virtual ~Parked() = default;
  virtual void OnDeadline() = 0;  // On the home reactor; must answer.
};

enum class Answer {
  kPending,
  kReply,    // response() holds a frame.
  kNothing,  // acks=0: no response at all.
  kBreak,    // The connection must be closed.
};

class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  // What the exchange leans on; all of it outlives it, except for the listener, which detaches.
  struct Context {
    Broker& broker;
    runtime::Reactor& home;
    FetchSessions& fetch_sessions;  // The connection's; used only while the handler starts.
    ExchangeListener* listener = nullptr;
    std::string_view peer = {};  // "127.0.0.1:53211"; used only while the handler starts.
  };
  struct Request {
    kafka::RequestHeader header;  // Its client id is a view into `frame`.
    BytesView body;               // Likewise.
    FrameBuffer frame;
    MonotonicTime received{};
  };
  Exchange(const Context& context, Request request)
      : context_(context), request_(std::move(request)) {}

  Broker& broker() const { return context_.broker; }
  runtime::Reactor& home() const { return context_.home; }
  FetchSessions& fetch_sessions() const { return context_.fetch_sessions; }
  std::string_view peer() const { return context_.peer; }
  const kafka::RequestHeader& header() const { return request_.header; }
  int16_t version() const { return request_.header.api_version; }
  BytesView body() const { return request_.body; }
  MonotonicTime received() const { return request_.received; }

  template <kafka::ResponseMessage M>
  void Reply(const M& response) {
    ReplyIn(response, version());
  }
  // In another version than the request's: only for an ApiVersions request of an unknown one.
  template <kafka::ResponseMessage M>
  void ReplyIn(const M& response, int16_t version) {
    error_ = FirstError(response);
    const Status encoded =
        kafka::EncodeResponse(response_, header().correlation_id, version, response);
    if (!encoded.ok()) return Break("response can't be encoded: " + encoded.ToString());
    Finish(Answer::kReply);
  }
  void ReplyNothing() { Finish(Answer::kNothing); }
  // `reason` goes to the log; `error` to the metrics.
  void Break(std::string reason, kafka::ErrorCode error = kafka::ErrorCode::kUnknownServerError);

  // Not answered yet, and won't be before `deadline` unless something happens. Owned from here on.
  void Park(std::unique_ptr<Parked> parked, MonotonicTime deadline);
  Parked* parked() const { return parked_.get(); }
  MonotonicTime deadline() const { return deadline_; }

  Answer answer() const { return answer_; }
  kafka::ErrorCode error() const { return error_; }
  const std::string& break_reason() const { return break_reason_; }
  kafka::WireBuffer TakeResponse() { return std::move(response_); }
  // The connection ends: nobody is told any more, and nothing waits.
  void Detach();

  // When dispatch handed the request to its handler, when that returned, and when the answer came.
  MonotonicTime started{};
  MonotonicTime returned{};
  MonotonicTime answered{};

 private:
  void Finish(Answer answer);

  const Context context_;
  ExchangeListener* listener_ = context_.listener;
  Request request_;
  std::unique_ptr<Parked> parked_;
  MonotonicTime deadline_ = MonotonicTime::max();
  kafka::WireBuffer response_;
  kafka::ErrorCode error_ = kafka::ErrorCode::kNone;
  std::string break_reason_;
  Answer answer_ = Answer::kPending;
};

}  // namespace atl::broker
