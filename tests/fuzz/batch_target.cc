#include "base/check.h"
#include "base/crc32c.h"
#include "kafka/record/batch_validate.h"
#include "kafka/record/record_reader.h"
#include "tests/fuzz/targets.h"

namespace atl::fuzz {
namespace {

constexpr ByteCount kUnpackLimit{1 << 20};

void ReadRecords(const kafka::BatchView& batch) {
  StatusOr<kafka::RecordReader> reader = kafka::RecordReader::Open(batch, kUnpackLimit);
  if (!reader.ok()) return;
  kafka::Record record;
  int64_t count = 0;
  while (true) {
    const StatusOr<bool> more = reader->Next(record);
    if (!more.ok()) return;
    if (!*more) break;
    ++count;
    CHECK(record.offset >= batch.header().base_offset, "a record before its batch");
    CHECK(record.offset <= batch.header().last_offset(), "a record behind its batch");
  }
  CHECK(count == batch.header().record_count, "{} records of {}", count,
        batch.header().record_count);
}

// The CRC stops nearly every change; behind it the other rules would never be tried.
Bytes WithGoodCrc(BytesView records) {
  Bytes mended = CopyBytes(records);
  if (mended.size() >= kafka::kBatchHeaderBytes) {
    StoreBig(mended.data() + kafka::kBatchCrcOffset,
             Crc32c(BytesView(mended).subspan(kafka::kBatchCrcStart)));
  }
  return mended;
}

void CheckBatch(BytesView records) {
  kafka::ProduceRules rules;
  rules.needs_keys = true;
  rules.before_max_ms = 1000;
  rules.after_max_ms = 1000;
  rules.now = Timestamp(1'700'000'000'000);
  const kafka::Verdict strict = kafka::ValidateProduced(records, rules);
  CHECK(strict.ok() == strict.message.empty(), "an error without a reason");
  const kafka::Verdict plain = kafka::ValidateProduced(records, kafka::ProduceRules());
  CHECK(plain.ok() || !strict.ok(), "stricter rules let through what plain ones refuse");

  const StatusOr<kafka::BatchView> batch = kafka::BatchView::Parse(records);
  CHECK(batch.ok() || !plain.ok(), "a batch passed that is none");
  if (!batch.ok()) return;
  CHECK(batch->bytes().size() <= records.size(), "a batch longer than its bytes");
  const Status mirrored = kafka::ValidateMirrored(*batch);
  CHECK(mirrored.ok() || mirrored.code() == StatusCode::kDataLoss, "{}", StatusMessage(mirrored));
  ReadRecords(*batch);
  if (batch->header().is_control()) (void)kafka::ReadControlType(*batch).status();
}

}  // namespace

void RecordBatch(BytesView records) {
  CheckBatch(records);
  CheckBatch(WithGoodCrc(records));
}

}  // namespace atl::fuzz
