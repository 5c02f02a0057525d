// A digest over the batches of a range of offsets: what two regions compare instead of bytes
// (replication.md section 8). Pure. A batch belongs to the range that its base offset lies in, so
// ranges that touch cover every batch once, wherever they are cut.
// Per batch a CRC-32C is chained over base offset, last offset, leader epoch, length and the
// batch's own CRC: no payload is read, and what lies outside the batch's CRC is covered too. Equal
// digests mean equal headers; that the payload still fits its CRC is what `atoll verify --deep`
// and every reader checks.
#pragma once

#include <cstdint>
#include <optional>

#include "base/types.h"
#include "kafka/record/batch_view.h"

namespace atl::mirror {

struct VerifyRange {
  Offset first;
  Offset end;
  bool empty() const { return end <= first; }
  friend bool operator==(const VerifyRange&, const VerifyRange&) = default;
};

struct RangeDigest {
  VerifyRange range;  // What was really looked at.
  uint64_t digest = 0;
  uint64_t batches = 0;
  // Known where the log is ours.
  std::optional<kafka::BatchHeader> first_batch;
  LeaderEpoch last_epoch = kNoEpoch;
  Offset behind = kNoOffset;  // The last batch; it may end behind the range.

  void Add(const kafka::BatchHeader& header);
  bool SameBatches(const RangeDigest& other) const {
    return digest == other.digest && batches == other.batches;
  }
};

}  // namespace atl::mirror
