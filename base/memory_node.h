// The bytes of one file of a MemoryFileSystem: as programs see them and as a crash would leave
// them. Internal to base/memory_file.cc and base/memory_node.cc; not thread-safe.
#pragma once

#include <cstddef>
#include <span>

#include "base/memory_file.h"

namespace atl {

class MemoryFileSystem::Node {
 public:
  static constexpr size_t kSectorBytes = 512;

  const Bytes& bytes() const { return bytes_; }
  void Write(size_t at, BytesView piece);
  void Resize(size_t size);
  void Sync();
  void DropUnsynced();
  void Crash(Unsynced unsynced, Random& random);
  void FlipBit(size_t at, int bit);

 private:
  void Tear(Random& random);

  Bytes bytes_;
  Bytes durable_;
  // Invariant: below it, up to the shorter size, both hold the same. Keeps appends and syncs from
  // costing the whole file.
  size_t dirty_from_ = 0;
};

}  // namespace atl
