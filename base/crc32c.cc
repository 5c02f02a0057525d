#include "base/crc32c.h"

#include <isa-l.h>

#include <algorithm>

namespace atl {

uint32_t Crc32c(BytesView bytes) { return ExtendCrc32c(0, bytes); }

uint32_t ExtendCrc32c(uint32_t crc, BytesView bytes) {
  constexpr size_t kMaxPiece = size_t{1} << 30;  // ISA-L counts in int.
  uint32_t inverted = ~crc;                      // ISA-L leaves both inversions to the caller.
  while (!bytes.empty()) {
    const BytesView piece = bytes.first(std::min(bytes.size(), kMaxPiece));
    // The parameter is not const in ISA-L 2.30, but it only reads.
    auto* begin = reinterpret_cast<unsigned char*>(const_cast<std::byte*>(piece.data()));
    inverted = ::crc32_iscsi(begin, static_cast<int>(piece.size()), inverted);
    bytes = bytes.subspan(piece.size());
  }
  return ~inverted;
}

}  // namespace atl
