#include "mirror/control/session.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/websocket.hpp>

#include <algorithm>

#include "base/logging.h"

namespace atl::mirror {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
namespace asio = runtime::asio;
using runtime::awaitable;
using runtime::kToken;

constexpr const char* kPath = "/v1/control";
constexpr const char* kProtocol = "atoll.control.v1";
constexpr uint32_t kMaxHeader = 8 << 10;
constexpr size_t kReadStep = size_t{64} << 10;
constexpr size_t kKeptBuffer = size_t{256} << 10;
constexpr size_t kMaxBeats = 16;

// Whether one of the protocols that a request names is ours.
bool OffersProtocol(beast::string_view list) {
  for (const auto& token : http::token_list(list)) {
    if (token == kProtocol) return true;
  }
  return false;
}

struct ServerHeader {
  void operator()(websocket::response_type& response) const {
    response.set(http::field::sec_websocket_protocol, kProtocol);
  }
};
struct ClientHeader {
  void operator()(websocket::request_type& request) const {
    request.set(http::field::sec_websocket_protocol, kProtocol);
  }
};

}  // namespace

struct Session::Wire {
  explicit Wire(runtime::tcp::socket socket) : stream(std::move(socket)) {}
  runtime::tcp::socket& socket() { return stream.next_layer(); }

  websocket::stream<runtime::tcp::socket> stream;
  beast::flat_buffer buffer;
};

std::shared_ptr<Session> Session::Make(Setup setup, runtime::tcp::socket socket) {
  const std::shared_ptr<Session> session(new Session(std::move(setup), std::move(socket)));
  session->outgoing_->Bind(session);
  return session;
}

Session::Session(Setup setup, runtime::tcp::socket socket)
    : setup_(std::move(setup)),
      outgoing_(std::make_shared<Outgoing>(setup_.reactor, setup_.number)),
      wire_(std::make_unique<Wire>(std::move(socket))),
      wake_(setup_.reactor),
      phase_since_(Now()),
      last_byte_(phase_since_),
      tokens_at_(phase_since_) {
  runtime::ErrorCode ignored;  // A peer that is gone already shows at the first read.
  wire_->socket().set_option(runtime::tcp::no_delay(true), ignored);
  wire_->stream.read_message_max(kMaxControlFrame);
  wire_->stream.binary(true);
  // Pings cost as much as messages.
  wire_->stream.control_callback([this](websocket::frame_type, beast::string_view) {
    if (!TakeToken(Now())) Close("too many control frames");
  });
}

Session::~Session() = default;

// --- Life ---

awaitable<void> Session::Run(std::shared_ptr<Session> self) {
  const bool shaken = co_await self->Handshake();
  if (shaken) {
    self->phase_ = Phase::kHello;
    self->phase_since_ = self->Now();
    self->setup_.tasks.Spawn(RunWriter(self));
    if (self->side() == Side::kDialled) self->SendHello();
    for (;;) {
      const bool read = co_await self->ReadFrame();
      if (!read) break;
      const auto bytes = self->wire_->buffer.cdata();
      self->OnFrame(BytesView(static_cast<const std::byte*>(bytes.data()), bytes.size()));
    }
  }
  self->Close("the peer closed the connection");
}

awaitable<void> Session::RunWriter(std::shared_ptr<Session> self) {
  while (self->phase_ != Phase::kClosed) {
    self->wake_.Reset();
    const std::optional<std::string> frame = self->outgoing_->Take();
    if (!frame) {
      if (self->HasLeft()) break;
      (void)co_await self->wake_.Wait();
      continue;
    }
    self->write_since_ = self->Now();
    const auto written = co_await self->wire_->stream.async_write(asio::buffer(*frame), kToken);
    const auto& [error, count] = written;
    self->write_since_ = MonotonicTime::max();
    if (error) {
      self->Close(fmt::format("sending: {}", error.message()));
      break;
    }
  }
  // What was said last is read by the peer before it sees the end.
  runtime::ErrorCode ignored;
  self->wire_->socket().shutdown(runtime::tcp::socket::shutdown_send, ignored);
}

void Session::Leave(Phase phase, const std::string& reason) {
  const bool first = !HasLeft();
  phase_ = phase;
  phase_since_ = Now();
  wake_.Set();
  if (!first) return;
  reason_ = reason;
  setup_.host.OnLeft(*this);
}

void Session::Refuse(const std::string& reason) {
  if (HasLeft()) return;
  const bool can_say = phase_ != Phase::kHandshake;
  const StatusOr<std::string> last = EncodeMessage(Refusal{reason});
  outgoing_->Finish(last.ok() ? std::optional(*last) : std::nullopt);
  Leave(can_say ? Phase::kLeaving : Phase::kClosed, reason);
  runtime::ErrorCode ignored;
  if (!can_say) wire_->socket().close(ignored);
}

void Session::Close(const std::string& reason) {
  if (phase_ == Phase::kClosed) return;
  outgoing_->Finish(std::nullopt);
  Leave(Phase::kClosed, reason);
  runtime::ErrorCode ignored;
  wire_->socket().close(ignored);
}

void Session::OnOverrun() { Refuse("the connection does not keep up: too much waits to be sent"); }

void Session::Tick() {
  const MonotonicTime now = Now();
  const SessionTimes& times = setup_.times;
  switch (phase_) {
    case Phase::kClosed:
      return;
    case Phase::kLeaving:
      if (now - phase_since_ >= times.linger) Close(reason_);
      return;
    case Phase::kHandshake:
      if (now - phase_since_ >= times.silence) Close("no handshake in time");
      return;
    case Phase::kHello:
      if (now - phase_since_ >= times.silence) Refuse("no hello in time");
      return;
    case Phase::kConnected:
      break;
  }
  if (now - last_byte_ >= times.silence) return Close("silent");
  if (frame_since_ != MonotonicTime::max() && now - frame_since_ >= times.frame)
    return Refuse("a frame did not come whole in time");
  if (write_since_ != MonotonicTime::max() && now - write_since_ >= times.write)
    return Close("the peer does not read");
  if (now >= next_beat_) SendHeartbeat(now);
}

// --- Handshake ---

awaitable<bool> Session::Handshake() {
  const bool dialled = side() == Side::kDialled;
  bool shaken = false;
  if (dialled) {
    shaken = co_await DialHandshake();
  } else {
    shaken = co_await AcceptHandshake();
  }
  co_return shaken && !HasLeft();
}

awaitable<bool> Session::DialHandshake() {
  wire_->stream.set_option(websocket::stream_base::decorator(ClientHeader()));
  websocket::response_type response;
  const auto shaken = co_await wire_->stream.async_handshake(response, address(), kPath, kToken);
  const auto& [error] = shaken;
  if (error == websocket::error::upgrade_declined) {
    Close(fmt::format("no control plane there: HTTP status {}", response.result_int()));
    co_return false;
  }
  if (error) {
    Close(fmt::format("handshake: {}", error.message()));
    co_return false;
  }
  if (response[http::field::sec_websocket_protocol] != kProtocol) {
    Close(fmt::format("the peer does not speak {}", kProtocol));
    co_return false;
  }
  co_return true;
}

awaitable<bool> Session::AcceptHandshake() {
  http::request_parser<http::empty_body> parser;
  parser.header_limit(kMaxHeader);
  const auto read = co_await http::async_read(wire_->socket(), wire_->buffer, parser, kToken);
  const auto& [error, count] = read;
  if (error) {
    Close(fmt::format("handshake: {}", error.message()));
    co_return false;
  }
  const auto& request = parser.get();
  const bool good = websocket::is_upgrade(request) && request.target() == kPath &&
                    OffersProtocol(request[http::field::sec_websocket_protocol]);
  // Nobody who waits for the answer has sent more.
  if (!good || wire_->buffer.size() > 0) {
    http::response<http::string_body> response(http::status::bad_request, 11);
    response.keep_alive(false);
    response.body() = fmt::format("WebSocket {} with protocol {} only\n", kPath, kProtocol);
    response.prepare_payload();
    (void)co_await http::async_write(wire_->socket(), response, kToken);
    Close("handshake: not a WebSocket of the control plane");
    co_return false;
  }
  wire_->stream.set_option(websocket::stream_base::decorator(ServerHeader()));
  const auto accepted = co_await wire_->stream.async_accept(request, kToken);
  const auto& [refused] = accepted;
  if (refused) Close(fmt::format("handshake: {}", refused.message()));
  co_return !refused;
}

// --- Frames ---

awaitable<bool> Session::ReadFrame() {
  wire_->buffer.clear();
  if (wire_->buffer.capacity() > kKeptBuffer) wire_->buffer.shrink_to_fit();
  do {
    const auto read = co_await wire_->stream.async_read_some(wire_->buffer, kReadStep, kToken);
    const auto& [error, count] = read;
    if (error == websocket::error::message_too_big) {
      // The WebSocket says so itself (1009) and is closed.
      Close(fmt::format("a frame of more than {} bytes", kMaxControlFrame));
    } else if (error && error != asio::error::eof) {
      Close(fmt::format("receiving: {}", error.message()));
    }
    if (error || phase_ == Phase::kClosed) co_return false;
    last_byte_ = Now();
    if (frame_since_ == MonotonicTime::max()) frame_since_ = last_byte_;
  } while (!wire_->stream.is_message_done());
  frame_since_ = MonotonicTime::max();
  co_return true;
}

bool Session::TakeToken(MonotonicTime now) {
  tokens_ = std::min(kMessageBurst, tokens_ + ToSeconds(now - tokens_at_) * kMessagesPerSecond);
  tokens_at_ = now;
  if (tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

void Session::OnFrame(BytesView bytes) {
  if (HasLeft()) return;  // Read on only so that the peer gets to read why.
  if (!TakeToken(Now()))
    return Refuse(fmt::format("more than {:.0f} messages a second", kMessagesPerSecond));
  if (wire_->stream.got_text()) return Refuse("a text message; all of ours are binary");
  StatusOr<ControlFrame> frame = DecodeFrame(bytes);
  if (!frame.ok()) return Refuse(std::string(StatusMessage(frame.status())));
  if (phase_ == Phase::kHello) return OnFirstFrame(*std::move(frame));
  setup_.host.OnHeard(*this);
  OnBody(*std::move(frame));
}

void Session::OnFirstFrame(ControlFrame frame) {
  auto* const message = std::get_if<ControlMessage>(&frame.body);
  if (message == nullptr) return Refuse("the first message is no hello");
  if (const auto* refusal = std::get_if<Refusal>(message)) return OnRefusal(*refusal);
  const auto* const hello = std::get_if<Hello>(message);
  if (hello == nullptr) return Refuse("the first message is no hello");
  peer_ = hello->region;
  instance_ = hello->instance;
  const Status admitted = setup_.host.Admit(*this, *hello);
  if (!admitted.ok()) return Refuse(std::string(StatusMessage(admitted)));
  if (side() == Side::kAccepted) SendHello();
  phase_ = Phase::kConnected;
  was_connected_ = true;
  next_beat_ = Now();
  setup_.host.OnConnected(*this, *hello);
}

void Session::OnBody(ControlFrame frame) {
  if (auto* const message = std::get_if<ControlMessage>(&frame.body))
    return OnMessage(std::move(*message));
  if (auto* const request = std::get_if<ControlRequest>(&frame.body))
    return setup_.host.OnRequest(*this, frame.request, std::move(*request));
  if (auto* const answer = std::get_if<StatusOr<ControlAnswer>>(&frame.body))
    return setup_.host.OnAnswer(*this, frame.answers, std::move(*answer));
  if (!std::exchange(skipped_, true)) {
    LogWarning("mirror", "control: {} sends messages that this version does not know; skipped",
               peer_.value());
  }
  const Status unknown = Unimplemented("this version does not know the message");
  if (frame.answers != 0) setup_.host.OnAnswer(*this, frame.answers, unknown);
  if (frame.request == 0) return;
  if (StatusOr<std::string> answer = EncodeAnswer(frame.request, unknown); answer.ok())
    (void)outgoing_->Push(*std::move(answer));
}

void Session::OnMessage(ControlMessage message) {
  if (const auto* beat = std::get_if<Heartbeat>(&message)) return OnHeartbeat(*beat);
  if (const auto* refusal = std::get_if<Refusal>(&message)) return OnRefusal(*refusal);
  if (std::holds_alternative<Hello>(message)) return Refuse("a second hello");
  setup_.host.OnMessage(*this, std::move(message));
}

void Session::OnRefusal(const Refusal& refusal) {
  Close(fmt::format("refused by the peer: {}", refusal.reason));
}

void Session::OnHeartbeat(const Heartbeat& beat) {
  if (!beat.echo) {
    const Heartbeat echo{beat.sequence, true, setup_.clock.WallNow()};
    if (StatusOr<std::string> frame = EncodeMessage(echo); frame.ok())
      (void)outgoing_->Push(*std::move(frame));
    return;
  }
  while (!beats_.empty() && beats_.front().first < beat.sequence) beats_.pop_front();
  if (beats_.empty() || beats_.front().first != beat.sequence) return;  // Never asked, or again.
  RoundTrip trip;
  trip.rtt = Now() - beats_.front().second;
  if (beat.time) trip.clock_ahead = *beat.time + trip.rtt / 2 - setup_.clock.WallNow();
  setup_.host.OnRoundTrip(*this, trip);
  beats_.pop_front();
}

void Session::SendHeartbeat(MonotonicTime now) {
  next_beat_ = now + setup_.times.heartbeat;
  const Heartbeat beat{++last_beat_, false};
  if (beats_.size() == kMaxBeats) beats_.pop_front();
  beats_.emplace_back(beat.sequence, now);
  if (StatusOr<std::string> frame = EncodeMessage(beat); frame.ok())
    (void)outgoing_->Push(*std::move(frame));
}

void Session::SendHello() {
  for (std::string& frame : EncodeHello(setup_.host.MakeHello(setup_.link)))
    (void)outgoing_->Push(std::move(frame));
}

}  // namespace atl::mirror
