// Walks and digests of this region's own logs, by the headers of what lies below the high
// watermark: the owner's side of a comparison and the mirror's are the same function. The headers
// come out of the page cache; the records between them are stepped over. Any thread that may block
// on the disk; reads beside appends and retention.
#pragma once

#include <functional>
#include <memory>

#include "base/file.h"
#include "base/status.h"
#include "core-broker/catalog/catalog.h"
#include "mirror/verify/digest.h"

namespace atl::mirror {

// Null: this region has no such partition.
std::shared_ptr<broker::Partition> FindPartition(const broker::CatalogView& view,
                                                 const TopicId& topic, PartitionId partition);

struct BatchPlace {
  const kafka::BatchHeader& header;
  File& file;
  FilePosition position;
};
// Visits the batches whose base offset lies in `range`, which is inside the log, in order, until
// one answers false. kDataLoss: a header in there is damaged.
using BatchVisitor = std::function<StatusOr<bool>(const BatchPlace&)>;
Status VisitBatches(const broker::Partition& partition, const VerifyRange& range,
                    const BatchVisitor& visit);

// Of the part of `asked` that the log has; it ends early, behind a batch, after `most_batches`.
// `asked` may be anything (it comes from peers). kDataLoss: a header in there is damaged.
StatusOr<RangeDigest> DigestLog(const broker::Partition& partition, const VerifyRange& asked,
                                uint64_t most_batches);

}  // namespace atl::mirror
