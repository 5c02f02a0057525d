// Measures one mirror's lag from what its state machine sees: answers of the source, batches handed
// over, positions made durable. Pure: every call is told the time.
//
// Seconds are the age of the oldest record that is not durable here. For pulled batches that is
// their own timestamp; for what was not pulled yet it is bounded by two facts: it is younger than
// the last record applied, and it was appended after the last moment we were known to be caught up.
// Without either (an empty log that never pulled) the age is unknown, not small.
// Ages of contacts and of catching up are monotonic; record timestamps come from clients and may be
// anything, so they only count where they are plausible.
#pragma once

#include <optional>

#include "base/clock.h"
#include "base/types.h"
#include "mirror/watch/mirror_status.h"

namespace atl::mirror {

class LagMeter {
 public:
  // The source answered what it was asked at `asked` (and `wall`): its log ends at `source_end`, as
  // far as others may read it.
  void OnContact(Offset source_end, MonotonicTime asked, WallTime wall);
  // The connection broke or the source can't serve: nobody knows how far it is until it answers.
  void OnLost() { lost_ = true; }
  // The newest record that is durable here; also what a restarted mirror finds in its log.
  void OnNewestApplied(Timestamp newest);
  // Bytes that covered so many offsets.
  void OnPulled(ByteCount bytes, RecordCount offsets);
  // Call after every change of the position.
  void OnPosition(Offset applied_end);

  // `oldest_waiting`: the base timestamp of the first batch that is pulled and not durable.
  MirrorLag Lag(std::optional<Timestamp> oldest_waiting, MonotonicTime now, WallTime wall) const;

  bool caught_up() const { return source_end_ != kNoOffset && applied_end_ >= source_end_; }
  // No answer within the heartbeat (also: none ever).
  bool Silent(MonotonicTime now) const;
  std::optional<MonotonicTime> last_contact() const { return contact_; }
  std::optional<WallTime> last_contact_wall() const { return contact_wall_; }
  Offset source_end() const { return source_end_; }

 private:
  std::optional<double> Age(std::optional<Timestamp> oldest_waiting, MonotonicTime now,
                            WallTime wall) const;

  Offset source_end_ = kNoOffset;
  Offset applied_end_ = kNoOffset;
  Timestamp newest_applied_ = kNoTimestamp;
  double bytes_per_offset_ = 0;  // 0: nothing was pulled yet.
  std::optional<MonotonicTime> contact_;
  bool lost_ = false;  // Since the last contact.
  std::optional<WallTime> contact_wall_;
  std::optional<MonotonicTime> caught_up_at_;  // The last contact that found us caught up.
};

}  // namespace atl::mirror
