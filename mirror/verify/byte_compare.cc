#include "mirror/verify/byte_compare.h"

#include <fmt/core.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core-broker/log/batch_cursor.h"

namespace atl::mirror {
namespace {

struct Fetched {
  std::vector<kafka::BatchView> batches;  // Whose base offset lies in the range.
  Offset behind;                          // How far the bytes speak of the range.
};

StatusOr<Fetched> ParseAll(BytesView bytes, const VerifyRange& range, bool check_crc) {
  Fetched fetched{.batches = {}, .behind = range.first};
  Offset next{0};
  while (!bytes.empty()) {
    const StatusOr<kafka::BatchView> batch = kafka::BatchView::Parse(bytes);
    if (batch.status().code() == StatusCode::kOutOfRange) break;  // Cut: asked for again.
    if (!batch.ok()) return Annotate(batch.status(), "the source's answer");
    const Offset base = batch->header().base_offset;
    if (base < next) return Corrupt("the source's offsets go back to {}", base.value());
    next = batch->header().next_offset();
    if (base >= range.end) {
      fetched.behind = range.end;
      break;
    }
    if (check_crc && !batch->CrcMatches()) {
      return Corrupt("the source's batch at offset {} does not fit its crc", base.value());
    }
    if (base >= range.first) fetched.batches.push_back(*batch);
    fetched.behind = std::clamp(next, fetched.behind, range.end);
    bytes = bytes.subspan(batch->bytes().size());
  }
  return fetched;
}

std::string Describe(const kafka::BatchHeader* header) {
  if (header == nullptr) return "none";
  return fmt::format("[{}, {}) of epoch {} with crc {:08x}", header->base_offset.value(),
                     header->next_offset().value(), header->leader_epoch.value(), header->crc);
}

PartitionCheck::Mismatch Differ(const kafka::BatchHeader* ours, const kafka::BatchHeader* theirs,
                                std::string_view what) {
  const bool ours_first =
      theirs == nullptr || (ours != nullptr && ours->base_offset <= theirs->base_offset);
  const kafka::BatchHeader& first = ours_first ? *ours : *theirs;
  return {{first.base_offset, first.next_offset()},
          fmt::format("the batch at offset {} is not the source's{}: here it is {}, there {}",
                      first.base_offset.value(), what, Describe(ours), Describe(theirs))};
}

bool SameHeader(const kafka::BatchHeader& a, const kafka::BatchHeader& b) {
  return a.base_offset == b.base_offset && a.last_offset() == b.last_offset() &&
         a.leader_epoch == b.leader_epoch && a.length == b.length && a.crc == b.crc;
}

// Empty: the bytes are the same and fit their CRC.
StatusOr<std::string> CompareWhole(const BatchPlace& ours, const kafka::BatchView& theirs) {
  ASSIGN_OR_RETURN(const Bytes bytes, broker::ReadBatch(ours.file, ours.position, ours.header));
  if (std::ranges::equal(bytes, theirs.bytes())) return std::string();
  const StatusOr<kafka::BatchView> batch = kafka::BatchView::Parse(bytes);
  return std::string(batch.ok() && batch->CrcMatches() ? " (its bytes differ)"
                                                       : " (its bytes here do not fit its crc)");
}

}  // namespace

StatusOr<ByteComparison> CompareBytes(const broker::Partition& partition, const VerifyRange& range,
                                      BytesView fetched, bool deep) {
  ASSIGN_OR_RETURN(const Fetched source, ParseAll(fetched, range, deep));
  const std::vector<kafka::BatchView>& theirs = source.batches;
  ByteComparison result;
  size_t at = 0;
  const auto compare = [&](const BatchPlace& ours) -> StatusOr<bool> {
    const kafka::BatchHeader* const there = at < theirs.size() ? &theirs[at].header() : nullptr;
    if (there == nullptr || !SameHeader(ours.header, *there)) {
      result.mismatch = Differ(&ours.header, there, "");
      return false;
    }
    if (deep) {
      ASSIGN_OR_RETURN(const std::string what, CompareWhole(ours, theirs[at]));
      if (!what.empty()) {
        result.mismatch = Differ(&ours.header, there, what);
        return false;
      }
    }
    result.bytes += ByteCount(static_cast<int64_t>(theirs[at].bytes().size()));
    result.last_epoch = ours.header.leader_epoch;
    ++at;
    return true;
  };
  RETURN_IF_ERROR(VisitBatches(partition, {range.first, source.behind}, compare));
  if (!result.mismatch && at < theirs.size()) {
    result.mismatch = Differ(nullptr, &theirs[at].header(), "");
  }
  result.next = result.mismatch ? result.mismatch->batch.first : source.behind;
  return result;
}

}  // namespace atl::mirror
