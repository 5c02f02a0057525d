// What a connection has to send: whole response frames in order, their bytes by gather write and
// their stretches of segment files by sendfile(2), so that no record is copied here. Lives on the
// connection's reactor. Writes never block; when the socket is full the caller waits until it is
// writable and calls again.
#pragma once

#include <deque>
#include <vector>

#include "base/status.h"
#include "core-broker/server/handlers/exchange.h"
#include "kafka/wire/wire_buffer.h"

namespace atl::broker {

enum class SendResult {
  kEmpty,    // All has left.
  kBlocked,  // The socket is full, or others should have their turn first.
  kFailed,
};

class Outbox {
 public:
  // Told when the last byte of an exchange's answer was taken by the kernel.
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void OnSent(const Exchange& exchange) = 0;
  };
  explicit Outbox(Listener& listener) : listener_(listener) {}

  void Add(ExchangePtr exchange);
  // Sends to `descriptor`, a non-blocking socket, as much as it takes.
  SendResult Send(int descriptor);

  bool empty() const { return frames_.empty(); }
  size_t frame_count() const { return frames_.size(); }
  size_t unsent_bytes() const { return unsent_bytes_; }
  int64_t sent_bytes() const { return sent_bytes_; }
  const Status& failure() const { return failure_; }
  void Clear();

 private:
  struct Frame {
    ExchangePtr exchange;
    kafka::WireBuffer buffer;
    std::vector<kafka::WirePiece> pieces;  // Of `buffer`.
    size_t piece = 0;                      // The first one not wholly sent.
    size_t offset = 0;                     // Sent bytes of it.
  };
  // Each sends what it can at the front and returns how much; 0: nothing now (blocked or failed).
  size_t SendBytes(int descriptor);
  size_t SendFile(int descriptor, const FileSlice& slice);
  size_t SendCopy(int descriptor, const FileSlice& slice);
  size_t Taken(ssize_t result, const char* call);
  void Advance(size_t count);

  Listener& listener_;
  std::deque<Frame> frames_;
  size_t unsent_bytes_ = 0;
  int64_t sent_bytes_ = 0;
  Status failure_;
};

}  // namespace atl::broker
