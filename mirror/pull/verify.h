// What a source's answer must satisfy before a byte of it is appended: batches that continue our
// log, whole, undamaged, in order, of epochs that never fall. Pure.
//
// A peer is as little trusted as a client: every number of a header is bounded before it is used.
// The source's own holes are legal (compaction, deleted records): we see its log as it is. Going
// back or overlapping is not.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/types.h"
#include "kafka/record/batch_view.h"

namespace atl::mirror {

// A batch above this is no batch: Kafka's default limit is 1 MiB, its frames end at 100 MiB.
inline constexpr ByteCount kMaxMirroredBatch{100 << 20};

struct Position {
  Offset next;                   // Our log's end, with everything that was handed over.
  LeaderEpoch epoch = kNoEpoch;  // Of the last batch before it.
};

struct BadBatch {
  Offset next = kNoOffset;  // Where the batch behind it would begin, if its header can be believed.
  std::string cause;
};

struct Verified {
  Position position;            // Behind the last good batch.
  ByteCount bytes{0};           // Of the good batches.
  std::optional<BadBatch> bad;  // At `position`.
  // The answer ends inside a batch before it gave a good one: a bigger one is needed.
  bool cut = false;
  // The first batch begins before the position and ends behind it: right only where our log is
  // empty and the source's starts inside this batch.
  std::optional<kafka::BatchHeader> overlap;
};

// Appends the good batches to `good`; batches that end at or before `from.next` are skipped. Never
// goes past `high_watermark`.
Verified VerifyBatches(BytesView records, const Position& from, Offset high_watermark,
                       std::vector<kafka::BatchView>& good);

}  // namespace atl::mirror
