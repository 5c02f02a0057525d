// CRC-32C (Castagnoli), as in Kafka's record batches. Crc32c("123456789") == 0xE3069283. ISA-L does
// the work.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace atl {

uint32_t Crc32c(BytesView bytes);
// Continues `crc`, the result of an earlier call, over more bytes.
uint32_t ExtendCrc32c(uint32_t crc, BytesView bytes);

}  // namespace atl
