// Where in a segment which offset lies: one entry for every `index_interval` bytes, Kafka's
// .index format (i32 offset relative to the base, i32 position, big-endian). As in Kafka an entry
// names the last offset of a batch and the position where that batch begins.
// A value: no file, no lock. Invariant: offsets and positions rise strictly. What a damaged file
// holds is cut at the first entry that breaks it.
#pragma once

#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/types.h"

namespace atl::broker {

struct IndexEntry {
  Offset offset;          // The last one of the batch.
  FilePosition position;  // Where the batch begins.
  friend bool operator==(const IndexEntry&, const IndexEntry&) = default;
};

class OffsetIndex {
 public:
  static constexpr size_t kEntryBytes = 8;

  explicit OffsetIndex(Offset base) : base_(base) {}
  // The longest prefix of `file` that can be true of a segment of `size` bytes; `whole` is false
  // when something had to be left out.
  static OffsetIndex Decode(Offset base, BytesView file, ByteCount size, bool& whole);

  // Behind the last entry.
  void Add(IndexEntry entry);
  // The last entry at or before.
  std::optional<IndexEntry> Floor(Offset offset) const;
  std::optional<IndexEntry> Floor(FilePosition position) const;
  std::optional<IndexEntry> last() const;
  // Forgets the entries of offsets at or behind `end`.
  void TruncateFrom(Offset end);
  size_t size() const { return entries_.size(); }
  // The file's bytes from entry `first` on.
  Bytes Encode(size_t first) const;

 private:
  struct Entry {
    uint32_t offset;  // Relative to base_.
    uint32_t position;
  };
  IndexEntry Get(const Entry& entry) const;

  Offset base_;
  std::vector<Entry> entries_;
};

}  // namespace atl::broker
