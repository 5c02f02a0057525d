// Memory that responses are received into. Fresh pages cost more than copying on a small machine,
// so buffers are used again: a connection takes one per response, hands it to its caller, and it
// comes back by itself when the last holder lets go (after the batches in it were applied).
//
// A buffer grows while bytes arrive, never by what a peer claims. The pool is thread-safe (a leaf
// lock): the last holder may be on a storage shard.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "base/mutex.h"
#include "base/types.h"

namespace atl::kafka {

// Uninitialised bytes that can grow in place. One owner at a time.
class ReceiveBuffer {
 public:
  ReceiveBuffer() = default;
  ~ReceiveBuffer();
  ReceiveBuffer(const ReceiveBuffer&) = delete;
  ReceiveBuffer& operator=(const ReceiveBuffer&) = delete;

  // At least `capacity` bytes; what is there stays. Large blocks are moved by remapping, not
  // copied.
  void Reserve(size_t capacity);
  std::byte* data() const { return data_; }
  size_t capacity() const { return capacity_; }

 private:
  std::byte* data_ = nullptr;
  size_t capacity_ = 0;
};

class BufferPool : public std::enable_shared_from_this<BufferPool> {
 public:
  // Keeps free buffers of at most `keep` bytes in all; what is returned beyond that is freed.
  static std::shared_ptr<BufferPool> Create(ByteCount keep);

  // The buffer that was returned last, or a new one. Outlives the pool if need be.
  std::shared_ptr<ReceiveBuffer> Take();
  // Frees the largest free buffers until at most `keep` bytes are kept, for a while without load.
  void Trim(ByteCount keep);
  ByteCount free_bytes() const;

 private:
  explicit BufferPool(ByteCount keep) : keep_(keep) {}
  void Return(std::unique_ptr<ReceiveBuffer> buffer);

  const ByteCount keep_;
  mutable Mutex mutex_;
  std::vector<std::unique_ptr<ReceiveBuffer>> free_ ABSL_GUARDED_BY(mutex_);
  ByteCount free_bytes_ ABSL_GUARDED_BY(mutex_){0};  // Invariant: the sum of capacities in free_.
};

}  // namespace atl::kafka
