// What a batch must satisfy. Two judges: a client's produce (strict, Kafka's LogValidator) and a
// mirror's source (well-formed and undamaged; everything else is the owner's business).
#pragma once

#include <optional>
#include <string>

#include "kafka/record/batch_view.h"
#include "kafka/wire/error_code.h"

namespace atl::kafka {

struct ProduceRules {
  int16_t api_version = 9;
  ByteCount max_message_bytes{1048588};
  bool needs_keys = false;  // A compacted topic: every record has a key.
  TimestampType timestamp_type = TimestampType::kCreateTime;
  // message.timestamp.before.max.ms / after.max.ms against `now`; nothing given: any.
  std::optional<int64_t> before_max_ms;
  std::optional<int64_t> after_max_ms;
  Timestamp now = kNoTimestamp;
};

struct Verdict {
  ErrorCode error = ErrorCode::kNone;
  std::string message;  // What is wrong, with the field's value.
  // The record at fault, by its place in the batch (Produce v8+ names it).
  std::optional<int32_t> record_index;
  bool ok() const { return error == ErrorCode::kNone; }
};

// `records` is one partition's data in a Produce request: exactly one batch of magic 2, nothing
// behind it. Opens the batch (decompresses) only where a rule needs it: keys of compacted topics,
// time bounds that the header does not settle. Every other batch passes unopened.
Verdict ValidateProduced(BytesView records, const ProduceRules& rules);

// A batch from a mirror's source: CRC and header consistency. kDataLoss names the offset and the
// field.
Status ValidateMirrored(const BatchView& batch);

}  // namespace atl::kafka
