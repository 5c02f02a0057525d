#include "core-broker/server/outbox.h"

#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace atl::broker {
namespace {

constexpr size_t kMostPieces = 64;
// A reader as fast as we are must not keep its reactor from everybody else.
constexpr size_t kMostBytesATurn = 4 << 20;
constexpr size_t kCopyBytes = 64 << 10;

size_t PieceBytes(const kafka::WirePiece& piece) {
  if (const auto* bytes = std::get_if<BytesView>(&piece)) return bytes->size();
  return static_cast<size_t>(std::get<const FileSlice*>(piece)->length.value());
}

}  // namespace

void Outbox::Add(ExchangePtr exchange) {
  Frame& frame = frames_.emplace_back();
  frame.buffer = exchange->TakeResponse();
  frame.exchange = std::move(exchange);
  frame.pieces = frame.buffer.Pieces();
  unsent_bytes_ += frame.buffer.total_bytes();
}

void Outbox::Clear() {
  frames_.clear();
  unsent_bytes_ = 0;
}

SendResult Outbox::Send(int descriptor) {
  size_t turn = 0;
  while (!frames_.empty()) {
    const Frame& front = frames_.front();
    const kafka::WirePiece& piece = front.pieces[front.piece];
    size_t sent = 0;
    if (std::holds_alternative<BytesView>(piece)) {
      sent = SendBytes(descriptor);
    } else {
      const FileSlice& slice = *std::get<const FileSlice*>(piece);
      sent =
          slice.file->descriptor() >= 0 ? SendFile(descriptor, slice) : SendCopy(descriptor, slice);
    }
    if (sent == 0) return failure_.ok() ? SendResult::kBlocked : SendResult::kFailed;
    Advance(sent);
    turn += sent;
    if (turn >= kMostBytesATurn && !frames_.empty()) return SendResult::kBlocked;
  }
  return SendResult::kEmpty;
}

// Bytes from here on, over frame borders, up to the next file slice.
size_t Outbox::SendBytes(int descriptor) {
  std::array<iovec, kMostPieces> vectors;
  size_t count = 0;
  bool file_follows = false;
  for (size_t i = 0; i < frames_.size() && count < kMostPieces && !file_follows; ++i) {
    const Frame& frame = frames_[i];
    size_t skip = i == 0 ? frame.offset : 0;
    for (size_t j = i == 0 ? frame.piece : 0; j < frame.pieces.size(); ++j) {
      const auto* bytes = std::get_if<BytesView>(&frame.pieces[j]);
      file_follows = bytes == nullptr;
      if (file_follows || count == kMostPieces) break;
      auto* base = const_cast<std::byte*>(bytes->data()) + std::exchange(skip, 0);
      vectors[count++] = {base, static_cast<size_t>(bytes->data() + bytes->size() - base)};
    }
  }
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = count;
  const int more = file_follows ? MSG_MORE : 0;
  return Taken(::sendmsg(descriptor, &message, MSG_NOSIGNAL | MSG_DONTWAIT | more), "sendmsg");
}

size_t Outbox::SendFile(int descriptor, const FileSlice& slice) {
  const size_t done = frames_.front().offset;
  auto position = static_cast<off_t>(slice.position.value()) + static_cast<off_t>(done);
  const size_t left = std::min(static_cast<size_t>(slice.length.value()) - done, kMostBytesATurn);
  const ssize_t sent = ::sendfile(descriptor, slice.file->descriptor(), &position, left);
  if (sent != 0) return Taken(sent, "sendfile");
  failure_ = Corrupt("{} ends before byte {}", slice.file->path(), position);
  return 0;
}

// Files without a descriptor: memory, in tests and the simulator.
size_t Outbox::SendCopy(int descriptor, const FileSlice& slice) {
  const size_t done = frames_.front().offset;
  std::array<std::byte, kCopyBytes> copy;
  const size_t left = std::min(static_cast<size_t>(slice.length.value()) - done, copy.size());
  const auto read = slice.file->ReadAt(slice.position + ByteCount(static_cast<int64_t>(done)),
                                       MutableBytes(copy.data(), left));
  if (!read.ok() || *read == 0) {
    failure_ = read.ok() ? Corrupt("{} is shorter than its index says", slice.file->path())
                         : read.status();
    return 0;
  }
  return Taken(::send(descriptor, copy.data(), *read, MSG_NOSIGNAL | MSG_DONTWAIT), "send");
}

size_t Outbox::Taken(ssize_t result, const char* call) {
  if (result >= 0) return static_cast<size_t>(result);
  if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
    failure_ = StatusFromErrno(errno, call);
  }
  return 0;
}

void Outbox::Advance(size_t count) {
  unsent_bytes_ -= count;
  sent_bytes_ += static_cast<int64_t>(count);
  while (count > 0) {
    Frame& front = frames_.front();
    const size_t left = PieceBytes(front.pieces[front.piece]) - front.offset;
    const size_t taken = std::min(left, count);
    count -= taken;
    front.offset += taken;
    if (taken < left) return;
    front.offset = 0;
    if (++front.piece < front.pieces.size()) continue;
    listener_.OnSent(*front.exchange);
    frames_.pop_front();
  }
}

}  // namespace atl::broker
