// How far a mirrored partition is known to be equal to its source (replication.md section 8), as
// plain values: part of MirrorRow, read by status, metrics and the plan of a promotion. A partition
// with a mismatch must not be promoted before an operator has decided; one without `verified_to`
// was never compared, and `reason` says why.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/types.h"

namespace atl::mirror {

struct VerifyStatus {
  // All batches below it that both logs still have were compared and are the same.
  std::optional<Offset> verified_to;
  WallTime at{};          // Of the last comparison; 1970: never.
  bool mismatch = false;  // The partition is halted; `reason` names the first batch that differs.
  std::string reason;     // Empty: nothing to say, comparing goes on.
};

}  // namespace atl::mirror
