// One exchange of digests about many partitions: what comes next in each is asked of the owner, our
// own log is looked at over exactly what it answered, and each check draws its conclusion. Used by
// the verifier that always runs and by runs on demand. And the owner's side of it.
// Blocks (the peer, the disk): on a verifying thread only.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "core-broker/catalog/catalog.h"
#include "mirror/control/messages.h"
#include "mirror/verify/partition_check.h"

namespace atl::mirror {

// A mirrored partition, as its link sees it.
struct VerifyTarget {
  TopicName name;
  TopicName source_name;
  TopicId topic;         // Here.
  TopicId source_topic;  // At the source.
  PartitionId partition;
  NodeId leader{-1};  // At the source.
  Offset applied_end;
  std::string incomparable;  // Not empty: why its batches can't be compared.
};

// Asks the source region. kUnavailable: there is no control connection.
using AskDigests = std::function<StatusOr<Digests>(const DigestsRequest&)>;

struct CheckSlot {
  const VerifyTarget* target;
  PartitionCheck* check;
};

// True: something moved, and there may be more to compare. Where nothing could be compared the
// check has the reason.
bool CompareDigests(std::span<const CheckSlot> slots, const broker::CatalogView& view,
                    const AskDigests& ask, WallTime now);

// The owner's answer. The request is a peer's: topics may be unknown, ranges anything; what one
// answer costs is bounded by kMostBatchesPerAnswer headers.
inline constexpr uint64_t kMostBatchesPerAnswer = 65'536;
Digests AnswerDigests(const DigestsRequest& request, const broker::CatalogView& view);

}  // namespace atl::mirror
