// Which offset a time leads to: Kafka's .timeindex format (i64 timestamp, i32 offset relative to
// the base, big-endian). An entry (T, O) says: no record of this segment up to offset O is younger
// than T, and the batch that ends at O is the first one that holds T. Added with the offset index's
// entries, when the largest timestamp has risen since; the last one when the segment is sealed.
// A value: no file, no lock. Invariant: timestamps and offsets rise strictly.
#pragma once

#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/types.h"

namespace atl::broker {

struct TimeEntry {
  Timestamp timestamp = kNoTimestamp;
  Offset offset = kNoOffset;
  friend bool operator==(const TimeEntry&, const TimeEntry&) = default;
};

class TimeIndex {
 public:
  static constexpr size_t kEntryBytes = 12;

  explicit TimeIndex(Offset base) : base_(base) {}
  // The longest prefix of `file` that can be true; `whole` is false when something was left out.
  static TimeIndex Decode(Offset base, BytesView file, bool& whole);
  static TimeEntry DecodeEntry(Offset base, BytesView entry);

  // Only when it is younger than the last entry.
  void MaybeAdd(TimeEntry entry);
  // The last entry at or before.
  std::optional<TimeEntry> Floor(Timestamp timestamp) const;
  std::optional<TimeEntry> last() const;
  // Forgets the entries of offsets at or behind `end`.
  void TruncateFrom(Offset end);
  size_t size() const { return entries_.size(); }
  Bytes Encode(size_t first) const;

 private:
  struct Entry {
    int64_t timestamp;
    uint32_t offset;
  };
  TimeEntry Get(const Entry& entry) const;

  Offset base_;
  std::vector<Entry> entries_;
};

}  // namespace atl::broker
