// Writing and reading the partition's snapshots: big-endian numbers, one after the other, behind a
// version byte. The checkpoint keeps the bytes and their checksum; a reader still believes nothing:
// a count above what the rest of the bytes can hold is refused before anything is allocated.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace atl::broker {

class SnapshotWriter {
 public:
  explicit SnapshotWriter(int8_t version) { Put(version); }
  template <class T>
  void Put(T value) {
    const size_t at = bytes_.size();
    bytes_.resize(at + sizeof value);
    StoreBig(&bytes_[at], value);
  }
  Bytes Take() && { return std::move(bytes_); }

 private:
  Bytes bytes_;
};

class SnapshotReader {
 public:
  SnapshotReader(BytesView bytes, int8_t version) : rest_(bytes) { ok_ = Get<int8_t>() == version; }
  // 0 once something was missing; ask ok() before believing.
  template <class T>
  T Get() {
    if (!ok_ || rest_.size() < sizeof(T)) {
      ok_ = false;
      return T{};
    }
    const T value = LoadBig<T>(rest_.data());
    rest_ = rest_.subspan(sizeof(T));
    return value;
  }
  // How many elements of at least `element_bytes` follow.
  size_t GetCount(size_t element_bytes) {
    const auto count = static_cast<size_t>(Get<uint32_t>());
    if (count <= rest_.size() / element_bytes) return count;
    ok_ = false;
    return 0;
  }
  bool ok() const { return ok_; }
  bool complete() const { return ok_ && rest_.empty(); }

 private:
  BytesView rest_;
  bool ok_ = true;
};

}  // namespace atl::broker
