#include "core-broker/log/offset_index.h"

#include <algorithm>

#include "base/check.h"

namespace atl::broker {

OffsetIndex OffsetIndex::Decode(Offset base, BytesView file, ByteCount size, bool& whole) {
  OffsetIndex index(base);
  index.entries_.reserve(file.size() / kEntryBytes);
  for (size_t at = 0; at + kEntryBytes <= file.size(); at += kEntryBytes) {
    const Entry entry{LoadBig<uint32_t>(&file[at]), LoadBig<uint32_t>(&file[at + 4])};
    // The first batch of a segment has no entry, so the numbers begin above zero.
    const Entry before = index.entries_.empty() ? Entry{0, 0} : index.entries_.back();
    const bool good = entry.offset > before.offset && entry.offset <= INT32_MAX &&
                      entry.position > before.position && entry.position < size.value();
    if (!good) break;
    index.entries_.push_back(entry);
  }
  whole = index.entries_.size() * kEntryBytes == file.size();
  return index;
}

void OffsetIndex::Add(IndexEntry entry) {
  const int64_t relative = (entry.offset - base_).value();
  CHECK(relative >= 0 && relative <= INT32_MAX && entry.position.value() <= INT32_MAX,
        "offset {} at {} does not fit an index of base {}", entry.offset.value(),
        entry.position.value(), base_.value());
  entries_.push_back(
      {static_cast<uint32_t>(relative), static_cast<uint32_t>(entry.position.value())});
}

IndexEntry OffsetIndex::Get(const Entry& entry) const {
  return {base_ + RecordCount(entry.offset), FilePosition(entry.position)};
}

std::optional<IndexEntry> OffsetIndex::Floor(Offset offset) const {
  const int64_t relative = (offset - base_).value();
  const auto behind = std::upper_bound(entries_.begin(), entries_.end(), relative,
                                       [](int64_t a, const Entry& b) { return a < b.offset; });
  if (behind == entries_.begin()) return {};
  return Get(*std::prev(behind));
}

std::optional<IndexEntry> OffsetIndex::Floor(FilePosition position) const {
  const auto behind = std::upper_bound(entries_.begin(), entries_.end(), position.value(),
                                       [](int64_t a, const Entry& b) { return a < b.position; });
  if (behind == entries_.begin()) return {};
  return Get(*std::prev(behind));
}

std::optional<IndexEntry> OffsetIndex::last() const {
  if (entries_.empty()) return {};
  return Get(entries_.back());
}

void OffsetIndex::TruncateFrom(Offset end) {
  const int64_t relative = (end - base_).value();
  while (!entries_.empty() && entries_.back().offset >= relative) entries_.pop_back();
}

Bytes OffsetIndex::Encode(size_t first) const {
  Bytes bytes((entries_.size() - first) * kEntryBytes);
  std::byte* at = bytes.data();
  for (size_t i = first; i < entries_.size(); ++i, at += kEntryBytes) {
    StoreBig(at, entries_[i].offset);
    StoreBig(at + 4, entries_[i].position);
  }
  return bytes;
}

}  // namespace atl::broker
