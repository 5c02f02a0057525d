// One TCP connection to a broker, as coroutines on one reactor: connect, agree on versions, then
// one call at a time (pipelining is not needed: a mirror's next fetch depends on the last answer).
//
// Deadlines are about progress. A call fails when no byte moves for `stall_timeout`, on top of what
// the broker was allowed to wait; a large answer that keeps coming is never thrown away, however
// long it takes (asking for it again would never end).
// The peer is not trusted: a frame's length is judged before anything is allocated, buffers grow as
// bytes arrive, correlation ids and versions are checked. After any error of Call the connection is
// closed and stays so.
// Lives on its reactor. Destroy it only when no call is running (cancel the task, await it).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/hash_map.h"
#include "base/status.h"
#include "kafka/client/receive_buffer.h"
#include "kafka/wire/frame.h"
#include "runtime/asio.h"
#include "runtime/reactor.h"

namespace atl::kafka {

struct BrokerAddress {
  std::string host;
  uint16_t port = 0;
  std::string ToString() const;
  friend bool operator==(const BrokerAddress&, const BrokerAddress&) = default;
};

struct ConnectionOptions {
  std::string client_id = "atoll";
  Duration connect_timeout = std::chrono::seconds(10);  // Name, handshake and versions together.
  Duration stall_timeout = std::chrono::seconds(15);
};

struct CallLimits {
  Duration wait{};                    // How long the broker may sit on the answer (a long poll).
  ByteCount most{int64_t{32} << 20};  // A larger answer is refused unread.
};

// What an answer decoded into, and the bytes that its records point into.
template <class M>
struct Answer {
  M message;
  std::shared_ptr<const ReceiveBuffer> bytes;
  ByteCount wire_bytes{0};
};

// What was measured on the way; nothing until there was something to measure.
struct PathSample {
  std::optional<Duration> round_trip;  // The shortest: request sent to first byte of the answer.
  std::optional<double> goodput;       // Bytes a second while large answers came in, smoothed.
};

class Connection {
 public:
  // Connects and agrees on versions. kDeadlineExceeded, kUnavailable, kDataLoss (no Kafka there).
  static runtime::awaitable<StatusOr<std::unique_ptr<Connection>>> Open(
      runtime::Reactor& reactor, const Clock& clock, std::shared_ptr<BufferPool> buffers,
      BrokerAddress address, ConnectionOptions options);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Sends `request` in the newest version that both sides have and awaits its answer. `request` is
  // encoded before this returns. kUnimplemented: no common version (the connection stays open);
  // kDataLoss: the peer broke the protocol; kUnavailable, kDeadlineExceeded, kCancelled.
  template <RequestMessage R>
  runtime::awaitable<StatusOr<Answer<typename R::Response>>> Call(const R& request,
                                                                  CallLimits limits) {
    const StatusOr<int16_t> version = VersionFor<R>();
    Status ready = version.status();
    if (ready.ok()) {
      out_.Clear();
      ready = EncodeRequest(out_, CorrelationId(++correlation_id_), options_.client_id, *version,
                            request);
    }
    return Finish<typename R::Response>(std::move(ready), version.ok() ? *version : int16_t{-1},
                                        limits);
  }

  // The newest version of R that both sides have.
  template <RequestMessage R>
  StatusOr<int16_t> VersionFor() const {
    return CommonVersion(R::kApiKey, R::kMinVersion, R::kMaxVersion, R::kName);
  }

  void Close();
  bool is_open() const;
  const BrokerAddress& address() const { return address_; }
  const PathSample& path() const { return path_; }
  // Since the connection was made; rises while an answer comes in.
  ByteCount received_bytes() const { return received_bytes_; }
  ByteCount sent_bytes() const { return sent_bytes_; }

 private:
  struct Wire;
  struct Frame {
    std::shared_ptr<ReceiveBuffer> buffer;
    BytesView bytes;  // Without the length.
  };
  struct VersionRange {
    int16_t min;
    int16_t max;
  };

  Connection(runtime::Reactor& reactor, const Clock& clock, std::shared_ptr<BufferPool> buffers,
             BrokerAddress address, ConnectionOptions options);

  template <class M>
  runtime::awaitable<StatusOr<Answer<M>>> Finish(Status ready, int16_t version, CallLimits limits) {
    CO_RETURN_IF_ERROR(ready);
    StatusOr<Frame> frame = co_await Exchange(limits);
    CO_RETURN_IF_ERROR(frame.status());
    StatusOr<M> message = DecodeResponse<M>(frame->bytes, version);
    if (!message.ok()) {
      Close();
      co_return Annotate(message.status(), address_.ToString());
    }
    Answer<M> answer;
    answer.message = *std::move(message);
    answer.wire_bytes = ByteCount(static_cast<int64_t>(frame->bytes.size() + kFrameLengthBytes));
    answer.bytes = std::move(frame->buffer);
    co_return answer;
  }

  StatusOr<int16_t> CommonVersion(int16_t key, int16_t min, int16_t max,
                                  std::string_view name) const;
  runtime::awaitable<Status> Dial();
  runtime::awaitable<Status> DialOne(runtime::tcp::endpoint endpoint);
  runtime::awaitable<Status> Negotiate();
  // Sends out_ and reads one frame that answers it. Closes the connection on any error.
  runtime::awaitable<StatusOr<Frame>> Exchange(CallLimits limits);
  runtime::awaitable<Status> Send();
  runtime::awaitable<StatusOr<Frame>> Receive(CallLimits limits);
  Status CheckCorrelation(const Frame& frame) const;
  void NoteTransfer(size_t first_read, size_t total, MonotonicTime first, MonotonicTime last);
  Status Broken(const runtime::ErrorCode& error, std::string_view doing) const;
  void SetDeadline(Duration from_now);

  const Clock& clock_;  // Constant after construction, as the next three.
  const std::shared_ptr<BufferPool> buffers_;
  const BrokerAddress address_;
  const ConnectionOptions options_;
  const std::shared_ptr<Wire> wire_;  // Outlives this by the watchdog's last handler.
  HashMap<int16_t, VersionRange> versions_;
  WireBuffer out_;
  int32_t correlation_id_ = 0;
  PathSample path_;
  ByteCount received_bytes_{0};
  ByteCount sent_bytes_{0};
};

}  // namespace atl::kafka
