// Batches for the tests of this folder.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "base/crc32c.h"
#include "kafka/record/batch_builder.h"
#include "kafka/record/batch_view.h"

namespace atl::kafka {

inline constexpr Codec kAllCodecs[] = {Codec::kNone, Codec::kGzip, Codec::kSnappy, Codec::kLz4,
                                       Codec::kZstd};

// `count` records "value-0", "value-1", ... with keys, at `first`, `first` + 1, ...
inline Bytes BuildBatch(BatchBuilder::Options options, int count,
                        Timestamp first = Timestamp(1'700'000'000'000)) {
  BatchBuilder builder(options);
  for (int i = 0; i < count; ++i) {
    const std::string key = fmt::format("key-{}", i);
    const std::string value = fmt::format("value-{}", i);
    builder.Add(Timestamp(first.value() + i), AsBytes(key), AsBytes(value));
  }
  return *builder.Build();
}

// Mends the CRC after a test has changed the batch on purpose.
inline void MendCrc(Bytes& batch) {
  StoreBig(batch.data() + kBatchCrcOffset, Crc32c(BytesView(batch).subspan(kBatchCrcStart)));
}

inline Bytes FromHex(std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  Bytes bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(digit(hex[i]) << 4 | digit(hex[i + 1])));
  }
  return bytes;
}

}  // namespace atl::kafka
