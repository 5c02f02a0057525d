// Memory for frames that are being read or handled. Slabs are reused, because fresh pages cost
// more than the copy that fills them; what is in use counts against one budget for all
// connections. FrameMemory is thread-safe; a FrameBuffer has one owner at a time and may be
// destroyed on any thread.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/mutex.h"
#include "base/types.h"
#include "runtime/memory_budget.h"

namespace atl::broker {

class FrameMemory {
 public:
  // `budget`: bytes of all frames together. `kept`: bytes of free slabs that stay for reuse.
  explicit FrameMemory(ByteCount budget, ByteCount kept = ByteCount(64 << 20))
      : budget_(budget), kept_limit_(kept) {}

  struct Slab {
    std::unique_ptr<std::byte[]> bytes;
    size_t capacity = 0;
  };
  // A slab of at least `size` bytes, uninitialised. Its pages are only taken when written.
  Slab Take(size_t size);
  // A free slab of at least `size` bytes, or one without bytes when none is kept.
  Slab TakeKept(size_t size);
  void Give(Slab slab);

  runtime::MemoryBudget& budget() { return budget_; }

 private:
  static constexpr size_t kLeastBits = 12;  // 4 KiB
  static constexpr size_t kMostBits = 22;   // 4 MiB; larger slabs are not kept.
  static size_t ClassOf(size_t size);

  runtime::MemoryBudget budget_;
  const ByteCount kept_limit_;
  Mutex mutex_;
  std::array<std::vector<Slab>, kMostBits - kLeastBits + 1> free_ ABSL_GUARDED_BY(mutex_);
  ByteCount kept_ ABSL_GUARDED_BY(mutex_){0};
};

// One frame, without its length field. Grows as bytes arrive, so that a length that lies takes no
// memory.
class FrameBuffer {
 public:
  FrameBuffer() = default;
  FrameBuffer(std::shared_ptr<FrameMemory> memory, size_t frame_size);
  FrameBuffer(FrameBuffer&& other) noexcept { *this = std::move(other); }
  FrameBuffer& operator=(FrameBuffer&& other) noexcept;
  ~FrameBuffer() { Release(); }

  size_t frame_size() const { return frame_size_; }
  size_t filled() const { return filled_; }
  bool complete() const { return filled_ == frame_size_; }
  // How many more bytes of budget are wanted before room() is not empty; 0 when it is not.
  ByteCount wanted() const;
  void Permit(runtime::MemoryPermit permit);
  // Where the next bytes go. Empty until the budget has permitted them.
  MutableBytes room();
  void Fill(size_t count) { filled_ += count; }

  MutableBytes bytes() { return {slab_.bytes.get(), filled_}; }
  void Release();

 private:
  static constexpr size_t kFirstStep = 64 << 10;

  std::shared_ptr<FrameMemory> memory_;
  FrameMemory::Slab slab_;
  std::vector<runtime::MemoryPermit> permits_;
  size_t frame_size_ = 0;
  size_t permitted_ = 0;  // Invariant: filled_ <= permitted_ <= frame_size_.
  size_t filled_ = 0;
};

}  // namespace atl::broker
