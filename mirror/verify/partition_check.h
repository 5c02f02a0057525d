// How far one mirrored partition is known to equal its source: state + answer -> state + the range
// to compare next. Pure; one owner.
//
// Ranges are compared in order from the log's start up to the applied end. One that differs is
// halved until a single batch is left: that is the first one that differs, and comparing stops
// there until an operator decides. What was compared stays so as long as it is in the log: records
// can only be replaced under a higher epoch, so `verified_to` falls to where the epoch of the last
// compared batch ends now (a cut), and rises to the log's start (retention). After a restart it is
// what it was, and everything is compared once more behind it: a disk may have been changed.
// Answers come from a peer and may say anything: one that does not fit what was asked changes
// nothing, and a peer that lies about parts of a range can't make the search go on for ever.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "checkpoint/verify_table.h"
#include "mirror/verify/digest.h"
#include "mirror/watch/verify_status.h"

namespace atl::mirror {

class PartitionCheck {
 public:
  // At most so many offsets are compared at once.
  static constexpr int64_t kWindow = 262'144;

  PartitionCheck() = default;
  explicit PartitionCheck(const checkpoint::VerifiedRecord& record);

  // Our log is [log.first, log.end), durable; `epoch_end` is where the largest epoch not above
  // epoch() ends in it (kNoOffset: there is none). Before every Next().
  void OnLog(const VerifyRange& log, Offset epoch_end);
  LeaderEpoch epoch() const { return epoch_; }  // Of the last batch compared.
  // Nothing: everything there is was compared, or a mismatch waits for an operator.
  std::optional<VerifyRange> Next() const;
  // What both sides have of `asked`, over the same range.
  void OnCompared(const VerifyRange& asked, const RangeDigest& theirs, const RangeDigest& ours,
                  WallTime now);
  // Found by other means (a deep run): the batch at [first, end).
  void OnMismatch(const VerifyRange& batch, std::string cause, WallTime now);
  // A run by other means compared everything from the log's start to `end`.
  void OnVerified(Offset end, LeaderEpoch epoch, WallTime now);
  // Why comparing does not go on; empty: it does.
  void OnReason(std::string reason) { reason_ = std::move(reason); }
  // An operator decided about the mismatch: accept it and go on behind it, or compare once more.
  void OnOperator(bool skip);

  struct Mismatch {
    VerifyRange batch;
    std::string cause;
  };
  const std::optional<Mismatch>& mismatch() const { return mismatch_; }
  const VerifyRange& log() const { return log_; }
  Offset verified_to() const { return verified_to_; }
  VerifyStatus status() const;
  // Where it differs from `record`, true is answered: worth writing.
  bool Fill(checkpoint::VerifiedRecord& record) const;

 private:
  void Differ(const RangeDigest& theirs, const RangeDigest& ours, WallTime now);

  VerifyRange log_{};
  Offset reached_ = kNoOffset;  // Comparing goes on here; kNoOffset: at the log's start.
  Offset verified_to_ = kNoOffset;
  LeaderEpoch epoch_ = kNoEpoch;
  WallTime at_{};
  std::optional<VerifyRange> suspect_;  // Known to differ somewhere.
  std::optional<Mismatch> mismatch_;
  std::string reason_;
};

}  // namespace atl::mirror
