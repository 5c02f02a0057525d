#include "core-broker/server/connection.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include <algorithm>
#include <utility>

#include "base/logging.h"
#include "core-broker/server/dispatch.h"

namespace atl::broker {
namespace {

using runtime::awaitable;
using runtime::kToken;
namespace asio = runtime::asio;
using namespace asio::experimental::awaitable_operators;

std::string PeerOf(const runtime::tcp::socket& socket) {
  runtime::ErrorCode error;
  const auto peer = socket.remote_endpoint(error);
  if (error) return "unknown";
  return fmt::format("{}:{}", peer.address().to_string(), peer.port());
}

// Bytes that left here and that the peer's host has not acknowledged.
int UnacknowledgedBytes(int descriptor) {
  int count = 0;
  return ::ioctl(descriptor, SIOCOUTQ, &count) == 0 ? count : 0;
}

bool WaitsForMembers(const ExchangePtr& exchange) {
  const int16_t key = exchange->header().api_key;
  return key == kafka::JoinGroupRequest::kApiKey || key == kafka::SyncGroupRequest::kApiKey;
}

}  // namespace

void Lane::CloseExpired(MonotonicTime now) {
  // Closing only marks a connection; its coroutines take it off the list later.
  for (Connection* connection : connections) connection->CloseIfExpired(now);
}

bool Lane::Drain() {
  bool drained = true;
  for (Connection* connection : connections) {
    connection->Drain();
    drained &= connection->IsDrained();
  }
  return drained;
}

Connection::Connection(Lane& lane, runtime::tcp::socket socket)
    : lane_(lane),
      broker_(lane.context.broker),
      metrics_(lane.context.metrics),
      socket_(std::move(socket)),
      peer_(PeerOf(socket_)),
      fetch_sessions_(broker_, lane.reactor),
      progress_(lane.reactor),
      blocked_(lane.reactor),
      last_active_(Now()),
      last_sent_(last_active_) {
  runtime::ErrorCode ignored;  // A peer that is gone already shows at the first read.
  socket_.set_option(runtime::tcp::no_delay(true), ignored);
  socket_.non_blocking(true, ignored);
  lane_.connections.push_back(this);
  metrics_.connections().Increment();
}

Connection::~Connection() {
  Close(CloseReason::kShutdown);
  lane_.connections.remove(this);
  lane_.context.open_connections.fetch_sub(1, std::memory_order_relaxed);
  metrics_.connections().Decrement();
}

void Connection::Start() {
  lane_.tasks.Spawn(RunReader(shared_from_this()));
  lane_.tasks.Spawn(RunWriter(shared_from_this()));
}

void Connection::Close(CloseReason reason, std::string_view detail) {
  if (std::exchange(closed_, true)) return;
  metrics_.Closed(reason);
  if (!detail.empty() && lane_.context.closed_log.Allow(Now())) {
    LogInfo("core-broker", "connection of {} closed: {}", peer_, detail);
  }
  for (const ExchangePtr& exchange : pending_) exchange->Detach();
  pending_.clear();
  outbox_.Clear();
  frame_.Release();
  runtime::ErrorCode ignored;
  socket_.close(ignored);
  progress_.Set();
  blocked_.Set();
}

void Connection::CloseIfExpired(MonotonicTime now) {
  const BrokerConfig& config = broker_.config;
  const bool reading = frame_started_ != MonotonicTime::max();
  if (reading && now - frame_started_ >= config.frame_timeout) {
    Close(CloseReason::kFrameTimeout, "a frame did not come whole in time");
  } else if (!outbox_.empty() && now - last_sent_ >= config.send_timeout) {
    Close(CloseReason::kSendTimeout, "the client does not read its answers");
  } else if (!reading && pending_.empty() && now - last_active_ >= config.idle_timeout) {
    Close(CloseReason::kIdle);
  }
}

void Connection::Drain() {
  if (closed_ || std::exchange(draining_, true)) return;
  runtime::ErrorCode ignored;
  socket_.cancel(ignored);  // For Receive() to count what has come; bytes it has read stay read.
  progress_.Set();          // For Finish() to see that nothing is worth waiting for.
}

bool Connection::IsDrained() const {
  if (closed_) return true;
  return reader_ended_ && outbox_.empty() && std::ranges::all_of(pending_, WaitsForMembers) &&
         UnacknowledgedBytes(const_cast<runtime::tcp::socket&>(socket_).native_handle()) == 0;
}

awaitable<void> Connection::RunReader(std::shared_ptr<Connection> self) {
  while (!self->closed_) {
    const bool complete = co_await self->ReadFrame();
    if (!complete) break;
    co_await self->Serve();
  }
  self->reader_ended_ = true;
}

awaitable<void> Connection::RunWriter(std::shared_ptr<Connection> self) {
  while (!self->closed_) {
    (void)co_await self->blocked_.Wait();
    self->blocked_.Reset();
    if (self->closed_) co_return;
    (void)co_await self->socket_.async_wait(runtime::tcp::socket::wait_write, kToken);
    self->Pump();
  }
}

awaitable<bool> Connection::ReadFrame() {
  const bool sized = co_await ReadSize();
  if (!sized) co_return false;
  while (!frame_.complete()) {
    if (frame_.wanted() > ByteCount(0)) {
      const bool permitted = co_await PermitMore();
      if (!permitted) co_return false;
    }
    if (stash_size_ > 0) {
      FillFromStash();
      continue;
    }
    const bool read = co_await ReadRest();
    if (!read) co_return false;
  }
  frame_started_ = MonotonicTime::max();
  last_active_ = Now();
  metrics_.received_bytes().Increment(
      static_cast<double>(frame_.frame_size() + kafka::kFrameLengthBytes));
  co_return true;
}

// A small request comes whole with one read; of a big one at most a stash is copied.
awaitable<bool> Connection::ReadSize() {
  while (stash_size_ < kafka::kFrameLengthBytes) {
    const MutableBytes room(stash_.data() + stash_size_, kStashBytes - stash_size_);
    const size_t count = co_await Receive(room);
    if (count == 0) co_return false;
    stash_size_ += count;
  }
  co_return CheckSize(LoadBig<int32_t>(stash_.data()));
}

bool Connection::CheckSize(int32_t size) {
  if (size <= 0) {
    Close(CloseReason::kBadFrame, fmt::format("a frame of {} bytes", size));
    return false;
  }
  if (ByteCount(size) > broker_.config.max_request_bytes) {
    Close(CloseReason::kFrameTooLarge, fmt::format("a frame of {} bytes", size));
    return false;
  }
  frame_started_ = Now();
  frame_ = FrameBuffer(lane_.context.memory, static_cast<size_t>(size));
  stash_size_ -= kafka::kFrameLengthBytes;
  std::memmove(stash_.data(), stash_.data() + kafka::kFrameLengthBytes, stash_size_);
  return true;
}

void Connection::FillFromStash() {
  const MutableBytes room = frame_.room();
  const size_t count = std::min(room.size(), stash_size_);
  std::memcpy(room.data(), stash_.data(), count);
  frame_.Fill(count);
  stash_size_ -= count;
  std::memmove(stash_.data(), stash_.data() + count, stash_size_);
}

awaitable<bool> Connection::ReadRest() {
  const size_t count = co_await Receive(frame_.room());
  if (count == 0) co_return false;
  frame_.Fill(count);
  co_return true;
}

awaitable<size_t> Connection::Receive(MutableBytes room) {
  const auto buffer = asio::buffer(room.data(), room.size());
  while (true) {
    runtime::ErrorCode ignored;
    if (draining_ && !unread_) unread_ = socket_.available(ignored);
    if (unread_ == 0) co_return 0;
    const auto result = co_await socket_.async_read_some(buffer, kToken);
    const auto& [error, count] = result;
    const bool woken_to_count = draining_ && !unread_ && error == asio::error::operation_aborted;
    if (woken_to_count && !closed_) continue;
    if (error || closed_) {
      CloseOnReadError(error);
      co_return 0;
    }
    if (unread_) *unread_ -= std::min(*unread_, count);
    co_return count;
  }
}

// Frames that grow at the same time may want more than there is and so wait for each other; the
// time a frame may take ends that.
awaitable<bool> Connection::PermitMore() {
  runtime::MemoryBudget& budget = lane_.context.memory->budget();
  const ByteCount wanted = frame_.wanted();
  runtime::MemoryPermit permit = budget.TryAcquire(wanted);
  if (!permit) {
    const Duration left = frame_started_ + broker_.config.frame_timeout - Now();
    auto either = budget.Acquire(lane_.reactor, wanted) || runtime::Sleep(left);
    auto result = co_await std::move(either);
    if (auto* granted = std::get_if<runtime::MemoryPermit>(&result)) permit = std::move(*granted);
  }
  if (closed_) co_return false;
  if (!permit) {
    Close(CloseReason::kFrameTimeout, "no memory for a frame in time");
    co_return false;
  }
  frame_.Permit(std::move(permit));
  co_return true;
}

awaitable<void> Connection::Serve() {
  Exchange::Context context{broker_, lane_.reactor, fetch_sessions_, this, peer_};
  StatusOr<ExchangePtr> admitted = Admit(context, std::move(frame_), last_active_);
  if (!admitted.ok()) {
    Close(CloseReason::kBadRequest, StatusMessage(admitted.status()));
    co_return;
  }
  const ExchangePtr exchange = *std::move(admitted);
  const bool pipelines = Pipelines(*exchange);
  // What was asked before must be done before, and so must its answer.
  while (!pipelines && !pending_.empty() && !closed_) {
    (void)co_await NextProgress(MonotonicTime::max());
  }
  if (closed_) co_return;
  pending_.push_back(exchange);
  HandleDispatched(exchange);
  if (!pipelines) {
    co_await Finish(exchange);
    co_return;
  }
  while (TooMuchUnanswered() && !closed_) {
    (void)co_await NextProgress(MonotonicTime::max());
  }
}

awaitable<void> Connection::Finish(ExchangePtr exchange) {
  while (!closed_ && (!pending_.empty() || !outbox_.empty())) {
    const bool waits = exchange->answer() == Answer::kPending && exchange->parked() != nullptr;
    const MonotonicTime deadline = draining_ ? MonotonicTime() : exchange->deadline();
    const bool woken = co_await NextProgress(waits ? deadline : MonotonicTime::max());
    if (woken || closed_) continue;
    if (exchange->answer() == Answer::kPending && exchange->parked() != nullptr) {
      exchange->parked()->OnDeadline();
    }
  }
}

awaitable<bool> Connection::NextProgress(MonotonicTime deadline) {
  progress_.Reset();
  const bool woken = co_await progress_.Wait(deadline);
  co_return woken;
}

void Connection::HandleDispatched(const ExchangePtr& exchange) {
  const Dispatched dispatched = Dispatch(exchange);
  if (dispatched == Dispatched::kHandled) return;
  const auto detail =
      fmt::format("API {} version {}", exchange->header().api_key, exchange->version());
  if (dispatched == Dispatched::kMalformed) {
    Close(CloseReason::kBadRequest, detail + " is malformed");
  } else {
    Close(CloseReason::kUnsupportedApi, detail + " is not served");
  }
}

void Connection::OnAnswer(Exchange&) { Pump(); }

void Connection::OnSent(const Exchange& exchange) {
  last_active_ = Now();
  metrics_.Observe(exchange, last_active_);
}

void Connection::Pump() {
  while (!closed_ && !pending_.empty() && pending_.front()->answer() != Answer::kPending) {
    const ExchangePtr exchange = std::move(pending_.front());
    pending_.pop_front();
    if (exchange->answer() == Answer::kReply) {
      if (outbox_.empty()) last_sent_ = Now();
      outbox_.Add(exchange);
      continue;
    }
    OnSent(*exchange);
    if (exchange->answer() == Answer::kBreak) {
      return Close(CloseReason::kRequestFailed, exchange->break_reason());
    }
  }
  if (closed_) return;
  const int64_t before = outbox_.sent_bytes();
  const SendResult result = outbox_.Send(socket_.native_handle());
  const int64_t sent = outbox_.sent_bytes() - before;
  if (sent > 0) {
    last_sent_ = Now();
    metrics_.sent_bytes().Increment(static_cast<double>(sent));
  }
  if (result == SendResult::kFailed) {
    return Close(CloseReason::kSendFailed, StatusMessage(outbox_.failure()));
  }
  if (result == SendResult::kBlocked) blocked_.Set();
  progress_.Set();
}

bool Connection::TooMuchUnanswered() const {
  return pending_.size() + outbox_.frame_count() >=
         static_cast<size_t>(broker_.config.max_unanswered);
}

void Connection::CloseOnReadError(const runtime::ErrorCode& error) {
  const bool clean = error == asio::error::eof || error == asio::error::connection_reset;
  Close(CloseReason::kClient, clean ? std::string() : error.message());
}

}  // namespace atl::broker
