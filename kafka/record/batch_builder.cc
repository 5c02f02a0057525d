#include "kafka/record/batch_builder.h"

#include <algorithm>

#include "base/check.h"
#include "base/crc32c.h"
#include "base/varint.h"
#include "kafka/record/compression.h"

namespace atl::kafka {
namespace {

void AppendField(Bytes& out, std::optional<BytesView> field) {
  AppendVarint(out, field ? static_cast<int32_t>(field->size()) : -1);
  if (field) out.insert(out.end(), field->begin(), field->end());
}

int16_t AttributesOf(const BatchBuilder::Options& options) {
  int attributes = static_cast<int>(options.codec);
  if (options.transactional) attributes |= kTransactionalBit;
  if (options.control) attributes |= kControlBit;
  return static_cast<int16_t>(attributes);
}

}  // namespace

void BatchBuilder::Add(Timestamp timestamp, std::optional<BytesView> key,
                       std::optional<BytesView> value, const std::vector<Header>& headers,
                       std::optional<int32_t> delta) {
  const int32_t offset_delta = delta.value_or(last_delta_ + 1);
  CHECK(offset_delta > last_delta_, "offset delta {} after {}", offset_delta, last_delta_);
  if (record_count_ == 0) first_timestamp_ = timestamp;
  max_timestamp_ = std::max(max_timestamp_, timestamp);

  Bytes body;
  body.push_back(std::byte{0});  // Attributes: none are defined for records.
  AppendVarlong(body, timestamp.value() - first_timestamp_.value());
  AppendVarint(body, offset_delta);
  AppendField(body, key);
  AppendField(body, value);
  AppendVarint(body, static_cast<int32_t>(headers.size()));
  for (const Header& header : headers) {
    AppendField(body, AsBytes(header.key));
    AppendField(body, header.value ? std::optional(AsBytes(*header.value)) : std::nullopt);
  }
  AppendVarint(records_, static_cast<int32_t>(body.size()));
  records_.insert(records_.end(), body.begin(), body.end());
  last_delta_ = offset_delta;
  ++record_count_;
}

StatusOr<Bytes> BatchBuilder::Build(std::optional<int32_t> last_offset_delta) const {
  Bytes packed;
  if (options_.codec != Codec::kNone) {
    ASSIGN_OR_RETURN(packed, Compress(options_.codec, records_));
  }
  const BytesView records = options_.codec == Codec::kNone ? BytesView(records_) : packed;

  Bytes batch(kBatchHeaderBytes);
  batch.insert(batch.end(), records.begin(), records.end());
  std::byte* at = batch.data();
  StoreBig(at, options_.base_offset.value());
  StoreBig(at + kBatchLengthOffset, static_cast<int32_t>(batch.size() - kBatchOverheadBytes));
  StoreBig(at + 12, options_.leader_epoch.value());
  StoreBig(at + 16, kBatchMagic);
  StoreBig(at + 21, AttributesOf(options_));
  StoreBig(at + 23, last_offset_delta.value_or(last_delta_));
  StoreBig(at + 27, first_timestamp_.value());
  StoreBig(at + 35, max_timestamp_.value());
  StoreBig(at + 43, options_.producer_id.value());
  StoreBig(at + 51, options_.producer_epoch.value());
  StoreBig(at + 53, options_.base_sequence.value());
  StoreBig(at + 57, record_count_);
  StoreBig(at + 17, Crc32c(BytesView(batch).subspan(kBatchCrcStart)));
  return batch;
}

Bytes BatchBuilder::ControlMarker(Options options, bool commit, Timestamp timestamp,
                                  int32_t coordinator_epoch) {
  options.codec = Codec::kNone;
  options.base_sequence = kNoSequence;
  options.transactional = true;
  options.control = true;
  std::byte key[4];
  StoreBig(key, int16_t{0});  // Version.
  StoreBig(key + 2, static_cast<int16_t>(commit ? 1 : 0));
  std::byte value[6];
  StoreBig(value, int16_t{0});  // Version.
  StoreBig(value + 2, coordinator_epoch);
  BatchBuilder builder(options);
  builder.Add(timestamp, BytesView(key), BytesView(value));
  return *builder.Build();  // Only compression can fail.
}

}  // namespace atl::kafka
