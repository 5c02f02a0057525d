// Pulls once, up to given ends, what our copies of some partitions lack: from a region that is no
// owner but holds more than we do (the drain of a forced move, replication.md section 6, step 3).
// Both are prefixes of the same owner's log; that is not believed but checked, by the last batch
// here, before a byte is appended.
//
// A coroutine on `reactor`; all but what is passed by value outlives it. The sink's log is the
// truth: whoever else appends meanwhile (the link, from a source that came back) is no error.
// What was appended before an error stays: it is the owner's history all the same.
#pragma once

#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "mirror/pull/sink.h"
#include "mirror/pull/source.h"
#include "runtime/asio.h"

namespace atl::runtime {
class Reactor;
}

namespace atl::mirror {

struct CatchUpPartition {
  PartitionAtSource at;
  std::shared_ptr<SinkPartition> sink;
  Offset end;          // Of the other region's copy, when it was asked.
  int64_t pulled = 0;  // Offsets, so far.
};

// kDataLoss: the other copy is not the same log. kDeadlineExceeded. kUnavailable: no answer.
runtime::awaitable<Status> CatchUp(runtime::Reactor& reactor, const Clock& clock,
                                   SourceChannel& channel, Sink& sink,
                                   std::shared_ptr<std::vector<CatchUpPartition>> partitions,
                                   MonotonicTime deadline);

}  // namespace atl::mirror
