#include "mirror/pull/verify.h"

#include <fmt/core.h>

#include <limits>

#include "base/status.h"
#include "kafka/record/batch_validate.h"

namespace atl::mirror {
namespace {

// Above it, an offset plus a batch's length could overflow.
constexpr Offset kMaxBaseOffset{std::numeric_limits<int64_t>::max() - (int64_t{1} << 32)};

std::optional<BadBatch> BadParse(const Status& status, BytesView records) {
  if (status.code() != StatusCode::kOutOfRange) {
    return BadBatch{.cause = std::string(StatusMessage(status))};
  }
  if (records.size() < kafka::kBatchHeaderBytes) return std::nullopt;
  const auto length = LoadBig<int32_t>(records.data() + kafka::kBatchLengthOffset);
  if (ByteCount(length) <= kMaxMirroredBatch) return std::nullopt;
  return BadBatch{.cause = fmt::format("a batch of {} bytes is above the limit of {}", length,
                                       kMaxMirroredBatch.value())};
}

// What is wrong with a whole batch that continues the log; empty when nothing is.
std::string Fault(const kafka::BatchView& batch, LeaderEpoch last_epoch) {
  const kafka::BatchHeader& header = batch.header();
  if (header.leader_epoch < last_epoch) {
    return fmt::format("epoch {} after epoch {}: epochs never fall", header.leader_epoch.value(),
                       last_epoch.value());
  }
  const Status status = kafka::ValidateMirrored(batch);
  return status.ok() ? std::string() : std::string(StatusMessage(status));
}

}  // namespace

Verified VerifyBatches(BytesView records, const Position& from, Offset high_watermark,
                       std::vector<kafka::BatchView>& good) {
  Verified out{.position = from, .bytes = ByteCount(0), .bad = {}, .cut = false, .overlap = {}};
  Offset previous_end{0};
  while (!records.empty()) {
    const StatusOr<kafka::BatchView> parsed = kafka::BatchView::Parse(records);
    if (!parsed.ok()) {
      out.bad = BadParse(parsed.status(), records);
      out.cut = !out.bad && out.bytes == ByteCount(0);
      return out;
    }
    const kafka::BatchHeader& header = parsed->header();
    records = records.subspan(header.total_bytes());
    if (header.base_offset > kMaxBaseOffset) {
      out.bad = BadBatch{.cause = fmt::format("base offset {}", header.base_offset.value())};
      return out;
    }
    if (header.base_offset < previous_end) {
      out.bad = BadBatch{.cause = fmt::format("a batch at offset {} after one that ends at {}",
                                              header.base_offset.value(), previous_end.value())};
      return out;
    }
    previous_end = header.next_offset();
    if (previous_end <= from.next) continue;
    if (header.base_offset < from.next) {
      out.overlap = header;
      return out;
    }
    if (previous_end > high_watermark) return out;
    if (std::string fault = Fault(*parsed, out.position.epoch); !fault.empty()) {
      out.bad = BadBatch{.next = previous_end, .cause = std::move(fault)};
      return out;
    }
    good.push_back(*parsed);
    out.position = {.next = previous_end, .epoch = header.leader_epoch};
    out.bytes += ByteCount(static_cast<int64_t>(header.total_bytes()));
  }
  return out;
}

}  // namespace atl::mirror
