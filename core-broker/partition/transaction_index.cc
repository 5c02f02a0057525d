#include "core-broker/partition/transaction_index.h"

#include <algorithm>

#include "core-broker/partition/snapshot.h"

namespace atl::broker {
namespace {

constexpr int8_t kSnapshotVersion = 1;

}  // namespace

void TransactionIndex::Note(const TransactionStep& step) {
  if (!step.marker) {
    open_.try_emplace(step.producer_id, step.offset);
    return;
  }
  const auto open = open_.find(step.producer_id);
  const bool ends =
      *step.marker == kafka::ControlType::kAbort || *step.marker == kafka::ControlType::kCommit;
  if (open == open_.end() || !ends) return;
  const Offset first = open->second;
  open_.erase(open);
  if (*step.marker == kafka::ControlType::kCommit) return;
  const Offset stable = FirstOpen(step.offset + RecordCount(1));
  aborted_.push_back({step.producer_id, first, step.offset, stable});
}

std::vector<ProducerId> TransactionIndex::OpenProducers() const {
  std::vector<ProducerId> producers;
  for (const auto& [id, offset] : open_) producers.push_back(id);
  std::sort(producers.begin(), producers.end());
  return producers;
}

Offset TransactionIndex::FirstOpen(Offset otherwise) const {
  Offset first = otherwise;
  for (const auto& [id, offset] : open_) first = std::min(first, offset);
  return first;
}

std::vector<AbortedTransaction> TransactionIndex::AbortedIn(Offset from, Offset end) const {
  std::vector<AbortedTransaction> found;
  auto it = std::lower_bound(aborted_.begin(), aborted_.end(), from,
                             [](const Aborted& a, Offset b) { return a.last < b; });
  for (; it != aborted_.end(); ++it) {
    if (it->first < end) found.push_back({it->producer_id, it->first});
    if (it->last_stable >= end) break;
  }
  std::sort(found.begin(), found.end(),
            [](const AbortedTransaction& a, const AbortedTransaction& b) {
              return a.first_offset < b.first_offset;
            });
  return found;
}

void TransactionIndex::TruncateBefore(Offset start) {
  const auto kept = std::lower_bound(aborted_.begin(), aborted_.end(), start,
                                     [](const Aborted& a, Offset b) { return a.last < b; });
  aborted_.erase(aborted_.begin(), kept);
}

Bytes TransactionIndex::Encode() const {
  std::vector<std::pair<ProducerId, Offset>> open(open_.begin(), open_.end());
  std::sort(open.begin(), open.end());
  SnapshotWriter out(kSnapshotVersion);
  out.Put(static_cast<uint32_t>(open.size()));
  for (const auto& [id, offset] : open) {
    out.Put(id.value());
    out.Put(offset.value());
  }
  out.Put(static_cast<uint32_t>(aborted_.size()));
  for (const Aborted& aborted : aborted_) {
    out.Put(aborted.producer_id.value());
    out.Put(aborted.first.value());
    out.Put(aborted.last.value());
    out.Put(aborted.last_stable.value());
  }
  return std::move(out).Take();
}

StatusOr<TransactionIndex> TransactionIndex::Decode(BytesView bytes) {
  SnapshotReader in(bytes, kSnapshotVersion);
  TransactionIndex index;
  const size_t open = in.GetCount(16);
  for (size_t i = 0; i < open; ++i) {
    const ProducerId id(in.Get<int64_t>());
    index.open_[id] = Offset(in.Get<int64_t>());
  }
  const size_t aborted = in.GetCount(32);
  index.aborted_.reserve(aborted);
  for (size_t i = 0; i < aborted; ++i) {
    const ProducerId id(in.Get<int64_t>());
    const Offset first(in.Get<int64_t>());
    const Offset last(in.Get<int64_t>());
    index.aborted_.push_back({id, first, last, Offset(in.Get<int64_t>())});
  }
  if (!in.complete()) return Corrupt("transaction snapshot: {} bytes do not parse", bytes.size());
  return index;
}

}  // namespace atl::broker
