#include "kafka/client/connection.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <cstring>

#include "kafka/wire/schema/api_versions.h"

namespace atl::kafka {
namespace {

using runtime::kToken;
namespace asio = runtime::asio;

constexpr int16_t kAskedApiVersions = 3;
constexpr size_t kFirstRead = size_t{64} << 10;
constexpr size_t kGrowth = size_t{1} << 20;
// Below this an answer says nothing about the path's bandwidth.
constexpr size_t kMeasurable = size_t{128} << 10;

// Errors are ignored: every one of these is an improvement, none is needed.
void TuneSocket(runtime::tcp::socket& socket, bool loopback) {
  runtime::ErrorCode ignored;
  socket.set_option(runtime::tcp::no_delay(true), ignored);
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
  const int fd = socket.native_handle();
  const auto set = [fd](int option, int value) {
    (void)::setsockopt(fd, IPPROTO_TCP, option, &value, sizeof value);
  };
  set(TCP_KEEPIDLE, 15);
  set(TCP_KEEPINTVL, 5);
  set(TCP_KEEPCNT, 3);
  // A lossy long line starves CUBIC. SO_RCVBUF and SO_SNDBUF stay unset: they would switch the
  // kernel's autotuning off and cap the window.
  static constexpr char kBbr[] = "bbr";
  if (!loopback) (void)::setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, kBbr, sizeof kBbr - 1);
}

}  // namespace

std::string BrokerAddress::ToString() const {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                             : fmt::format("[{}]:{}", host, port);
}

// The socket and its watchdog. The watchdog sleeps until the earliest deadline that it was armed
// for and looks again then, so that moving the deadline with every read costs nothing.
struct Connection::Wire : std::enable_shared_from_this<Wire> {
  Wire(runtime::Reactor& on, const Clock& time)
      : clock(time), socket(on.context()), timer(on.context()), resolver(on.context()) {}

  void Watch(MonotonicTime until) {
    deadline = until;
    if (armed && armed_for <= until) return;
    Arm(until);
  }
  void Arm(MonotonicTime until) {
    armed = true;
    armed_for = until;
    timer.expires_at(until);
    timer.async_wait([self = shared_from_this()](const runtime::ErrorCode& error) {
      if (!error) self->Look();  // An error: armed again for an earlier time, or closed.
    });
  }
  void Look() {
    armed = false;
    if (!deadline.has_value() || closed) return;
    if (clock.Now() < *deadline) return Arm(*deadline);
    timed_out = true;
    Shut();
  }
  void Unwatch() { deadline.reset(); }
  void Shut() {
    closed = true;
    runtime::ErrorCode ignored;
    resolver.cancel();
    socket.close(ignored);
    timer.cancel();
    armed = false;
  }

  const Clock& clock;
  runtime::tcp::socket socket;
  asio::steady_timer timer;
  runtime::tcp::resolver resolver;
  std::optional<MonotonicTime> deadline;
  MonotonicTime armed_for;
  bool armed = false;
  bool timed_out = false;
  bool closed = false;
};

Connection::Connection(runtime::Reactor& reactor, const Clock& clock,
                       std::shared_ptr<BufferPool> buffers, BrokerAddress address,
                       ConnectionOptions options)
    : clock_(clock),
      buffers_(std::move(buffers)),
      address_(std::move(address)),
      options_(std::move(options)),
      wire_(std::make_shared<Wire>(reactor, clock)) {}

Connection::~Connection() { wire_->Shut(); }

void Connection::Close() { wire_->Shut(); }

bool Connection::is_open() const { return !wire_->closed; }

void Connection::SetDeadline(Duration from_now) { wire_->Watch(clock_.Now() + from_now); }

Status Connection::Broken(const runtime::ErrorCode& error, std::string_view doing) const {
  const std::string where = address_.ToString();
  if (wire_->timed_out) return DeadlineExceeded("{}: {}: no progress in time", where, doing);
  if (error == asio::error::operation_aborted) return Cancelled("{}: {}", where, doing);
  if (error == asio::error::eof) {
    return Unavailable("{}: {}: the broker closed the connection", where, doing);
  }
  return Unavailable("{}: {}: {}", where, doing, error.message());
}

runtime::awaitable<StatusOr<std::unique_ptr<Connection>>> Connection::Open(
    runtime::Reactor& reactor, const Clock& clock, std::shared_ptr<BufferPool> buffers,
    BrokerAddress address, ConnectionOptions options) {
  std::unique_ptr<Connection> connection(
      new Connection(reactor, clock, std::move(buffers), std::move(address), std::move(options)));
  Status status = co_await connection->Dial();
  if (status.ok()) status = co_await connection->Negotiate();
  if (!status.ok()) co_return status;
  co_return connection;
}

runtime::awaitable<Status> Connection::Dial() {
  SetDeadline(options_.connect_timeout);
  runtime::ErrorCode not_numeric;
  const auto numeric = asio::ip::make_address(address_.host, not_numeric);
  if (!not_numeric) {
    const Status status = co_await DialOne(runtime::tcp::endpoint(numeric, address_.port));
    co_return status;
  }
  const std::string service = std::to_string(address_.port);
  const auto found = co_await wire_->resolver.async_resolve(address_.host, service, kToken);
  const auto& [error, results] = found;
  if (error) co_return Broken(error, "looking up the name");
  Status status = Unavailable("{}: the name has no address", address_.ToString());
  for (const auto& entry : results) {
    status = co_await DialOne(entry.endpoint());
    if (status.ok() || wire_->closed) break;
  }
  co_return status;
}

runtime::awaitable<Status> Connection::DialOne(runtime::tcp::endpoint endpoint) {
  if (wire_->closed) co_return Broken(asio::error::operation_aborted, "connecting");
  runtime::ErrorCode ignored;
  wire_->socket.close(ignored);
  const auto result = co_await wire_->socket.async_connect(endpoint, kToken);
  const auto& [error] = result;
  if (error) co_return Broken(error, "connecting");
  TuneSocket(wire_->socket, endpoint.address().is_loopback());
  co_return OkStatus();
}

// KIP-511: ask in version 3; a broker that doesn't know it answers in version 0 with error 35.
runtime::awaitable<Status> Connection::Negotiate() {
  ApiVersionsRequest request;
  request.client_software_name = "atoll";
  request.client_software_version = "1";
  CallLimits limits;
  limits.most = ByteCount(256 << 10);
  for (const int16_t version : std::array<int16_t, 2>{kAskedApiVersions, 0}) {
    out_.Clear();
    CO_RETURN_IF_ERROR(EncodeRequest(out_, CorrelationId(++correlation_id_), options_.client_id,
                                     version, request));
    const StatusOr<Frame> frame = co_await Exchange(limits);
    CO_RETURN_IF_ERROR(frame.status());
    const BytesView body = frame->bytes.subspan(sizeof(int32_t));
    const bool unknown_version =
        body.size() >= 2 &&
        LoadBig<int16_t>(body.data()) == static_cast<int16_t>(ErrorCode::kUnsupportedVersion);
    if (unknown_version && version != 0) continue;
    StatusOr<ApiVersionsResponse> answer =
        DecodeResponse<ApiVersionsResponse>(frame->bytes, version);
    if (answer.ok() && answer->error_code != ErrorCode::kNone) {
      answer = Unavailable("ApiVersions: {}", ErrorName(answer->error_code));
    }
    if (!answer.ok()) {
      Close();
      co_return Annotate(answer.status(), address_.ToString());
    }
    for (const ApiVersion& api : answer->api_keys) {
      versions_[api.api_key] = VersionRange{api.min_version, api.max_version};
    }
    break;
  }
  co_return OkStatus();
}

StatusOr<int16_t> Connection::CommonVersion(int16_t key, int16_t min, int16_t max,
                                            std::string_view name) const {
  const auto theirs = versions_.find(key);
  if (theirs == versions_.end()) {
    return Unimplemented("{}: the broker does not serve {}", address_.ToString(), name);
  }
  const int16_t version = std::min(max, theirs->second.max);
  if (version >= std::max(min, theirs->second.min)) return version;
  return Unimplemented("{}: no common version of {}: the broker has {}-{}, we {}-{}",
                       address_.ToString(), name, theirs->second.min, theirs->second.max, min, max);
}

runtime::awaitable<StatusOr<Connection::Frame>> Connection::Exchange(CallLimits limits) {
  if (wire_->closed) co_return Unavailable("{}: the connection is closed", address_.ToString());
  Status status = co_await Send();
  if (!status.ok()) {
    Close();
    co_return status;
  }
  StatusOr<Frame> frame = co_await Receive(limits);
  wire_->Unwatch();
  if (frame.ok()) {
    status = CheckCorrelation(*frame);
    if (!status.ok()) frame = status;
  }
  if (!frame.ok()) Close();
  co_return frame;
}

runtime::awaitable<Status> Connection::Send() {
  for (const WirePiece& piece : out_.Pieces()) {
    const BytesView* const bytes = std::get_if<BytesView>(&piece);
    if (bytes == nullptr) co_return Unimplemented("a request that sends from a file");
    size_t sent = 0;
    while (sent < bytes->size()) {
      SetDeadline(options_.stall_timeout);
      const auto rest = asio::buffer(bytes->data() + sent, bytes->size() - sent);
      const auto result = co_await wire_->socket.async_write_some(rest, kToken);
      const auto& [error, count] = result;
      if (error) co_return Broken(error, "sending a request");
      sent += count;
      sent_bytes_ += ByteCount(static_cast<int64_t>(count));
    }
  }
  co_return OkStatus();
}

runtime::awaitable<StatusOr<Connection::Frame>> Connection::Receive(CallLimits limits) {
  const MonotonicTime sent = clock_.Now();
  wire_->Watch(sent + limits.wait + options_.stall_timeout);
  Frame frame;
  frame.buffer = buffers_->Take();
  frame.buffer->Reserve(kFirstRead);
  size_t have = 0;
  size_t want = kFrameLengthBytes;
  size_t first_read = 0;
  MonotonicTime first;
  MonotonicTime last;
  while (have < want) {
    if (have == frame.buffer->capacity()) {
      frame.buffer->Reserve(std::min(want, have + std::max(have, kGrowth)));
    }
    const auto room = asio::buffer(frame.buffer->data() + have, frame.buffer->capacity() - have);
    const auto result = co_await wire_->socket.async_read_some(room, kToken);
    const auto& [error, count] = result;
    if (error) co_return Broken(error, "awaiting an answer");
    last = clock_.Now();
    wire_->Watch(last + options_.stall_timeout);
    received_bytes_ += ByteCount(static_cast<int64_t>(count));
    if (have == 0) {
      first = last;
      first_read = count;
    }
    have += count;
    if (want > kFrameLengthBytes || have < kFrameLengthBytes) continue;
    const int64_t length = LoadBig<int32_t>(frame.buffer->data());
    if (length < static_cast<int64_t>(sizeof(int32_t)) || length > limits.most.value()) {
      co_return Corrupt("{}: an answer of {} bytes, at most {} were expected", address_.ToString(),
                        length, limits.most.value());
    }
    want += static_cast<size_t>(length);
  }
  if (have > want) {
    co_return Corrupt("{}: {} bytes that nobody asked for", address_.ToString(), have - want);
  }
  const Duration round_trip = first - sent;
  path_.round_trip = std::min(path_.round_trip.value_or(round_trip), round_trip);
  NoteTransfer(first_read, have, first, last);
  frame.bytes = BytesView(frame.buffer->data(), have).subspan(kFrameLengthBytes);
  co_return frame;
}

Status Connection::CheckCorrelation(const Frame& frame) const {
  const StatusOr<CorrelationId> id = PeekCorrelationId(frame.bytes);
  if (!id.ok()) return Annotate(id.status(), address_.ToString());
  if (*id == CorrelationId(correlation_id_)) return OkStatus();
  return Corrupt("{}: an answer to request {}, request {} is the one outstanding",
                 address_.ToString(), id->value(), correlation_id_);
}

void Connection::NoteTransfer(size_t first_read, size_t total, MonotonicTime first,
                              MonotonicTime last) {
  const size_t streamed = total - first_read;
  if (streamed < kMeasurable || last <= first) return;
  const double rate = static_cast<double>(streamed) / ToSeconds(last - first);
  path_.goodput = path_.goodput.has_value() ? (*path_.goodput + rate) / 2 : rate;
}

}  // namespace atl::kafka
