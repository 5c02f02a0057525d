// Our log against bytes that were fetched from the source, batch for batch: how sources without a
// control connection are verified, and what a deep run does everywhere. Blocks on the disk: on a
// verifying thread only.
#pragma once

#include <optional>

#include "mirror/verify/log_digest.h"
#include "mirror/verify/partition_check.h"

namespace atl::mirror {

struct ByteComparison {
  // Everything from the range's first to here was compared; the first itself when the bytes hold
  // nothing of the range.
  Offset next;
  ByteCount bytes{0};  // Of the source's batches.
  LeaderEpoch last_epoch = kNoEpoch;
  std::optional<PartitionCheck::Mismatch> mismatch;  // Comparing ended there.
};

// The source's batches in `fetched` (the last one may be cut) whose base offset lies in `range`.
// `deep`: every byte, and the CRC of both sides; else the headers. kDataLoss: the source's bytes
// are no batches, or don't fit their CRC; damage on our side is a mismatch.
StatusOr<ByteComparison> CompareBytes(const broker::Partition& partition, const VerifyRange& range,
                                      BytesView fetched, bool deep);

}  // namespace atl::mirror
