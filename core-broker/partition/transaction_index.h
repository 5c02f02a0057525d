// The transactions in a partition's log, as its batches tell them (KIP-98): which are open, and
// which were aborted where. Pure. From it come the last stable offset and the aborted list that
// read_committed consumers filter by.
// Threads: the partition guards it with its mutex. Invariant: aborted_ rises by `last`, the offset
// of the marker.
#pragma once

#include <optional>
#include <vector>

#include "base/hash_map.h"
#include "base/status.h"
#include "base/types.h"
#include "kafka/record/record_reader.h"

namespace atl::broker {

struct AbortedTransaction {
  ProducerId producer_id;
  Offset first_offset;
  friend bool operator==(const AbortedTransaction&, const AbortedTransaction&) = default;
};

// What one batch does to the transaction of its producer.
struct TransactionStep {
  ProducerId producer_id;
  Offset offset;                             // The batch's first.
  std::optional<kafka::ControlType> marker;  // Nothing: records.
};

class TransactionIndex {
 public:
  // In the order of the log. A marker without an open transaction changes nothing.
  void Note(const TransactionStep& step);
  bool IsOpen(ProducerId id) const { return open_.contains(id); }
  bool has_open() const { return !open_.empty(); }
  std::vector<ProducerId> OpenProducers() const;  // By id.
  // The first offset of the oldest open transaction; `otherwise` when none is open.
  Offset FirstOpen(Offset otherwise) const;
  // Aborted transactions with a record or their marker in [from, end), by first offset.
  std::vector<AbortedTransaction> AbortedIn(Offset from, Offset end) const;
  // Forgets aborted ones that end before `start`.
  void TruncateBefore(Offset start);

  Bytes Encode() const;
  static StatusOr<TransactionIndex> Decode(BytesView bytes);

 private:
  struct Aborted {
    ProducerId producer_id;
    Offset first;
    Offset last;
    // The last stable offset when it ended: what ends later, begins there or behind. Lets a search
    // stop.
    Offset last_stable;
  };

  HashMap<ProducerId, Offset> open_;
  std::vector<Aborted> aborted_;
};

}  // namespace atl::broker
