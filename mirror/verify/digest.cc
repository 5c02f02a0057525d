#include "mirror/verify/digest.h"

#include <array>

#include "base/bytes.h"
#include "base/crc32c.h"

namespace atl::mirror {

void RangeDigest::Add(const kafka::BatchHeader& header) {
  std::array<std::byte, 28> fields;
  StoreBig(fields.data(), header.base_offset.value());
  StoreBig(fields.data() + 8, header.last_offset().value());
  StoreBig(fields.data() + 16, header.leader_epoch.value());
  StoreBig(fields.data() + 20, header.length);
  StoreBig(fields.data() + 24, header.crc);
  digest = ExtendCrc32c(static_cast<uint32_t>(digest), fields);
  if (batches == 0) first_batch = header;
  ++batches;
  last_epoch = header.leader_epoch;
  behind = header.next_offset();
}

}  // namespace atl::mirror
