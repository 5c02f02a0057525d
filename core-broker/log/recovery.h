// Opening a log from whatever a crash left: which segments there are, where the log ends, and what
// is cut. Runs once per opening, on the shard, before anybody else sees the log.
// Rules. Below the recovery point only headers are walked, from the last index entry on; behind it
// every batch is checked by CRC and replayed. A batch that is torn or bad there ends the log, if it
// lies in the last segment: a roll syncs the old segment before the new one exists, so damage in an
// earlier one is kDataLoss, as is damage below the recovery point, and nothing is changed. Segments
// that overlap are an error that names both. Nothing is deleted on doubt: bytes that are cut but
// were no torn write are copied to BASE.log.cut-POSITION first.
#pragma once

#include <memory>
#include <vector>

#include "core-broker/log/log.h"

namespace atl::broker {

struct RecoveredLog {
  std::vector<std::shared_ptr<Segment>> segments;  // At least one; the last one is active.
  Offset end;
  ByteCount scanned_bytes{0};
  ByteCount cut_bytes{0};
  bool recovery_point_ahead = false;
};

StatusOr<RecoveredLog> RecoverLog(const Log::OpenRequest& request, LogReplay& replay);

}  // namespace atl::broker
