// Batches for the tests of mirror/: small, real, with a right CRC.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "kafka/record/batch_builder.h"

namespace atl::mirror::test {

struct BatchSpec {
  int64_t base = 0;
  int count = 1;
  int32_t epoch = 257;
  int64_t timestamp = 1'000'000;
  std::string value = "value";
};

inline Bytes MakeBatch(const BatchSpec& spec) {
  kafka::BatchBuilder builder(
      {.base_offset = Offset(spec.base), .leader_epoch = LeaderEpoch(spec.epoch)});
  for (int i = 0; i < spec.count; ++i) {
    builder.Add(Timestamp(spec.timestamp + i), std::nullopt, AsBytes(spec.value));
  }
  return *builder.Build();
}

inline Bytes MakeBatches(const std::vector<BatchSpec>& specs) {
  Bytes all;
  for (const BatchSpec& spec : specs) {
    const Bytes batch = MakeBatch(spec);
    all.insert(all.end(), batch.begin(), batch.end());
  }
  return all;
}

inline kafka::BatchHeader HeaderOf(const BatchSpec& spec) {
  return *kafka::BatchHeader::Parse(MakeBatch(spec));
}

}  // namespace atl::mirror::test
