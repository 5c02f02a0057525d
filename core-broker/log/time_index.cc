#include "core-broker/log/time_index.h"

#include <algorithm>

#include "base/check.h"

namespace atl::broker {

TimeIndex TimeIndex::Decode(Offset base, BytesView file, bool& whole) {
  TimeIndex index(base);
  index.entries_.reserve(file.size() / kEntryBytes);
  for (size_t at = 0; at + kEntryBytes <= file.size(); at += kEntryBytes) {
    const Entry entry{LoadBig<int64_t>(&file[at]), LoadBig<uint32_t>(&file[at + 8])};
    bool good = entry.timestamp >= 0 && entry.offset <= INT32_MAX;
    if (!index.entries_.empty()) {
      const Entry& before = index.entries_.back();
      good = good && entry.timestamp > before.timestamp && entry.offset > before.offset;
    }
    if (!good) break;
    index.entries_.push_back(entry);
  }
  whole = index.entries_.size() * kEntryBytes == file.size();
  return index;
}

TimeEntry TimeIndex::DecodeEntry(Offset base, BytesView entry) {
  return {Timestamp(LoadBig<int64_t>(entry.data())),
          base + RecordCount(LoadBig<uint32_t>(entry.data() + 8))};
}

void TimeIndex::MaybeAdd(TimeEntry entry) {
  const int64_t last = entries_.empty() ? kNoTimestamp.value() : entries_.back().timestamp;
  if (entry.timestamp.value() <= last) return;
  const int64_t relative = (entry.offset - base_).value();
  CHECK(relative >= 0 && relative <= INT32_MAX, "offset {} does not fit an index of base {}",
        entry.offset.value(), base_.value());
  entries_.push_back({entry.timestamp.value(), static_cast<uint32_t>(relative)});
}

TimeEntry TimeIndex::Get(const Entry& entry) const {
  return {Timestamp(entry.timestamp), base_ + RecordCount(entry.offset)};
}

std::optional<TimeEntry> TimeIndex::Floor(Timestamp timestamp) const {
  const auto behind = std::upper_bound(entries_.begin(), entries_.end(), timestamp.value(),
                                       [](int64_t a, const Entry& b) { return a < b.timestamp; });
  if (behind == entries_.begin()) return {};
  return Get(*std::prev(behind));
}

std::optional<TimeEntry> TimeIndex::last() const {
  if (entries_.empty()) return {};
  return Get(entries_.back());
}

void TimeIndex::TruncateFrom(Offset end) {
  const int64_t relative = (end - base_).value();
  while (!entries_.empty() && entries_.back().offset >= relative) entries_.pop_back();
}

Bytes TimeIndex::Encode(size_t first) const {
  Bytes bytes((entries_.size() - first) * kEntryBytes);
  std::byte* at = bytes.data();
  for (size_t i = first; i < entries_.size(); ++i, at += kEntryBytes) {
    StoreBig(at, entries_[i].timestamp);
    StoreBig(at + 8, entries_[i].offset);
  }
  return bytes;
}

}  // namespace atl::broker
