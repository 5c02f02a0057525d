#include "mirror/verify/log_digest.h"

#include <algorithm>

#include "core-broker/log/batch_cursor.h"

namespace atl::mirror {
namespace {

// What one look at the partition covers: big, so that looks are few beside headers.
constexpr ByteCount kLook{int64_t{64} << 20};

struct Walk {
  const VerifyRange range;
  const BatchVisitor& visit;
  Offset next;  // Behind the last batch met.
  bool done = false;
};

Status WalkSlice(const FileSlice& slice, Walk& walk) {
  broker::HeaderCursor cursor(*slice.file, slice.position, slice.position + slice.length);
  while (!walk.done) {
    ASSIGN_OR_RETURN(const bool moved, cursor.Next());
    if (!moved) return OkStatus();
    const kafka::BatchHeader& header = cursor.header();
    walk.next = std::max(walk.next, header.next_offset());
    if (header.base_offset >= walk.range.end) {
      walk.done = true;
    } else if (header.base_offset >= walk.range.first) {
      ASSIGN_OR_RETURN(const bool more, walk.visit({header, *slice.file, cursor.position()}));
      walk.done = !more;
    }
  }
  return OkStatus();
}

}  // namespace

std::shared_ptr<broker::Partition> FindPartition(const broker::CatalogView& view,
                                                 const TopicId& topic, PartitionId partition) {
  const auto found = view.Find(topic);
  const bool known = found && partition >= PartitionId(0) &&
                     partition.value() < static_cast<int32_t>(found->partitions.size());
  return known ? found->partitions[static_cast<size_t>(partition.value())] : nullptr;
}

Status VisitBatches(const broker::Partition& partition, const VerifyRange& range,
                    const BatchVisitor& visit) {
  Walk walk{.range = range, .visit = visit, .next = range.first};
  while (!walk.done && walk.next < range.end) {
    broker::ReadRequest request;
    request.offset = walk.next;
    request.max_bytes = kLook;
    const broker::ReadOutcome read = partition.Read(request);
    if (read.error != kafka::ErrorCode::kNone) {
      return Unavailable("reading at offset {}: {}", walk.next.value(),
                         kafka::ErrorName(read.error));
    }
    const Offset before = walk.next;
    for (const FileSlice& slice : read.slices) RETURN_IF_ERROR(WalkSlice(slice, walk));
    if (walk.next == before) break;  // A hole up to the end.
  }
  return OkStatus();
}

StatusOr<RangeDigest> DigestLog(const broker::Partition& partition, const VerifyRange& asked,
                                uint64_t most_batches) {
  const broker::PartitionOffsets offsets = partition.offsets();
  RangeDigest digest;
  digest.range = {std::max(asked.first, offsets.log_start),
                  std::min(asked.end, offsets.high_watermark)};
  if (digest.range.empty() || most_batches == 0) {
    digest.range = {asked.first, asked.first};
    return digest;
  }
  const auto add = [&](const BatchPlace& batch) -> StatusOr<bool> {
    if (digest.batches == most_batches) {
      digest.range.end = digest.behind;
      return false;
    }
    digest.Add(batch.header);
    return true;
  };
  RETURN_IF_ERROR(VisitBatches(partition, digest.range, add));
  return digest;
}

}  // namespace atl::mirror
