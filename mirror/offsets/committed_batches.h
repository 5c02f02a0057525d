// Which batches of a fetch answer are committed data, and their copies as this region's own: the
// part of fan-in that touches bytes. Pure.
//
// As a read_committed consumer does (KIP-98): the answer names the aborted transactions that
// overlap it; a producer's batches from such a first offset on are aborted until its abort marker.
#pragma once

#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "kafka/record/batch_view.h"
#include "mirror/offsets/fan_in.h"
#include "mirror/pull/sink.h"

namespace atl::mirror {

struct CommittedBatches {
  Bytes bytes;                        // All of them, one behind the other.
  std::vector<MutableBytes> batches;  // Into `bytes`. Any base offset; no producer.
  FanInTaken taken;                   // One run per batch, and the position behind the answer.
};

// `batches` is not empty. Records below `start` are left out; where that cuts a batch it is built
// anew. kDataLoss: a marker or a batch that must be opened can't be read.
StatusOr<CommittedBatches> TakeCommitted(std::span<const kafka::BatchView> batches,
                                         std::span<const SourceAborted> aborted, Offset start);

}  // namespace atl::mirror
