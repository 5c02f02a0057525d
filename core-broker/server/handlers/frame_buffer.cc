#include "core-broker/server/handlers/frame_buffer.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace atl::broker {

size_t FrameMemory::ClassOf(size_t size) {
  const size_t bits = size <= 1 ? 0 : static_cast<size_t>(std::bit_width(size - 1));
  return std::max(bits, kLeastBits) - kLeastBits;
}

FrameMemory::Slab FrameMemory::TakeKept(size_t size) {
  const size_t first = ClassOf(size);
  MutexLock lock(&mutex_);
  // One class up is still a fair fit; more would waste what big frames need.
  for (size_t i = first; i < free_.size() && i <= first + 1; ++i) {
    if (free_[i].empty()) continue;
    Slab slab = std::move(free_[i].back());
    free_[i].pop_back();
    kept_ -= ByteCount(static_cast<int64_t>(slab.capacity));
    return slab;
  }
  return {};
}

FrameMemory::Slab FrameMemory::Take(size_t size) {
  Slab slab = TakeKept(size);
  if (slab.bytes != nullptr) return slab;
  const size_t slab_class = ClassOf(size);
  slab.capacity = slab_class < free_.size() ? size_t{1} << (slab_class + kLeastBits) : size;
  slab.bytes = std::make_unique_for_overwrite<std::byte[]>(slab.capacity);
  return slab;
}

void FrameMemory::Give(Slab slab) {
  const size_t slab_class = ClassOf(slab.capacity);
  const ByteCount capacity(static_cast<int64_t>(slab.capacity));
  MutexLock lock(&mutex_);
  if (slab_class >= free_.size() || kept_ + capacity > kept_limit_) return;
  kept_ += capacity;
  free_[slab_class].push_back(std::move(slab));
}

FrameBuffer::FrameBuffer(std::shared_ptr<FrameMemory> memory, size_t frame_size)
    : memory_(std::move(memory)), frame_size_(frame_size) {}

FrameBuffer& FrameBuffer::operator=(FrameBuffer&& other) noexcept {
  if (this == &other) return *this;
  Release();
  memory_ = std::move(other.memory_);
  slab_ = std::exchange(other.slab_, {});
  permits_ = std::move(other.permits_);
  frame_size_ = std::exchange(other.frame_size_, 0);
  permitted_ = std::exchange(other.permitted_, 0);
  filled_ = std::exchange(other.filled_, 0);
  return *this;
}

ByteCount FrameBuffer::wanted() const {
  if (filled_ < permitted_ || complete()) return ByteCount(0);
  const size_t next = std::min(frame_size_, std::max(kFirstStep, permitted_ * 2));
  return ByteCount(static_cast<int64_t>(next - permitted_));
}

void FrameBuffer::Permit(runtime::MemoryPermit permit) {
  permitted_ += static_cast<size_t>(permit.bytes().value());
  permits_.push_back(std::move(permit));
  if (permitted_ <= slab_.capacity) return;
  // The first slab is the right one when one is kept: its pages are there already.
  FrameMemory::Slab grown = filled_ == 0 ? memory_->TakeKept(frame_size_) : FrameMemory::Slab{};
  if (grown.bytes == nullptr) grown = memory_->Take(permitted_);
  if (filled_ > 0) std::memcpy(grown.bytes.get(), slab_.bytes.get(), filled_);
  if (slab_.bytes != nullptr) memory_->Give(std::move(slab_));
  slab_ = std::move(grown);
}

MutableBytes FrameBuffer::room() { return {slab_.bytes.get() + filled_, permitted_ - filled_}; }

void FrameBuffer::Release() {
  if (slab_.bytes != nullptr) memory_->Give(std::exchange(slab_, {}));
  permits_.clear();
  memory_.reset();
  frame_size_ = permitted_ = filled_ = 0;
}

}  // namespace atl::broker
