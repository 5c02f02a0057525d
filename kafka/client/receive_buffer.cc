#include "kafka/client/receive_buffer.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/check.h"

namespace atl::kafka {
namespace {

ByteCount Capacity(const ReceiveBuffer& buffer) {
  return ByteCount(static_cast<int64_t>(buffer.capacity()));
}

}  // namespace

ReceiveBuffer::~ReceiveBuffer() { std::free(data_); }

void ReceiveBuffer::Reserve(size_t capacity) {
  if (capacity <= capacity_) return;
  void* const grown = std::realloc(data_, capacity);
  CHECK(grown != nullptr, "no memory for a receive buffer of {} bytes", capacity);
  data_ = static_cast<std::byte*>(grown);
  capacity_ = capacity;
}

std::shared_ptr<BufferPool> BufferPool::Create(ByteCount keep) {
  return std::shared_ptr<BufferPool>(new BufferPool(keep));
}

std::shared_ptr<ReceiveBuffer> BufferPool::Take() {
  std::unique_ptr<ReceiveBuffer> buffer;
  {
    MutexLock lock(&mutex_);
    if (!free_.empty()) {
      buffer = std::move(free_.back());
      free_.pop_back();
      free_bytes_ -= Capacity(*buffer);
    }
  }
  if (buffer == nullptr) buffer = std::make_unique<ReceiveBuffer>();
  auto give_back = [pool = weak_from_this()](ReceiveBuffer* returned) {
    std::unique_ptr<ReceiveBuffer> owned(returned);
    if (const auto alive = pool.lock()) alive->Return(std::move(owned));
  };
  return std::shared_ptr<ReceiveBuffer>(buffer.release(), std::move(give_back));
}

void BufferPool::Return(std::unique_ptr<ReceiveBuffer> buffer) {
  MutexLock lock(&mutex_);
  if (free_bytes_ + Capacity(*buffer) > keep_) return;
  free_bytes_ += Capacity(*buffer);
  free_.push_back(std::move(buffer));
}

void BufferPool::Trim(ByteCount keep) {
  MutexLock lock(&mutex_);
  while (free_bytes_ > keep) {
    const auto largest = std::max_element(
        free_.begin(), free_.end(),
        [](const auto& a, const auto& b) { return a->capacity() < b->capacity(); });
    free_bytes_ -= Capacity(**largest);
    free_.erase(largest);
  }
}

ByteCount BufferPool::free_bytes() const {
  MutexLock lock(&mutex_);
  return free_bytes_;
}

}  // namespace atl::kafka
