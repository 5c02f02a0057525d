#include "base/varint.h"

#include <type_traits>

namespace atl {
namespace {

template <class T>
bool ReadLeb128(BytesView& in, T& value) {
  static_assert(std::is_unsigned_v<T>);
  constexpr int kBits = static_cast<int>(sizeof(T)) * 8;
  T result = 0;
  size_t used = 0;
  for (int shift = 0; shift < kBits; shift += 7) {
    if (used == in.size()) return false;
    const auto byte = static_cast<uint8_t>(in[used++]);
    const auto payload = static_cast<uint8_t>(byte & 0x7F);
    // The last byte may carry only the bits that are left.
    if (kBits - shift < 7 && (payload >> (kBits - shift)) != 0) return false;
    result |= static_cast<T>(payload) << shift;
    if ((byte & 0x80) != 0) continue;
    value = result;
    in = in.subspan(used);
    return true;
  }
  return false;
}

template <class T>
void AppendLeb128(Bytes& out, T value) {
  static_assert(std::is_unsigned_v<T>);
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<std::byte>((value & 0x7F) | 0x80));
  out.push_back(static_cast<std::byte>(value));
}

// Zigzag: 0, -1, 1, -2, ... become 0, 1, 2, 3, ...
template <class T>
std::make_unsigned_t<T> ToZigzag(T value) {
  using Unsigned = std::make_unsigned_t<T>;
  return (static_cast<Unsigned>(value) << 1) ^ static_cast<Unsigned>(value < 0 ? -1 : 0);
}
template <class T>
std::make_signed_t<T> FromZigzag(T value) {
  return static_cast<std::make_signed_t<T>>((value >> 1) ^ (~(value & 1) + 1));
}

}  // namespace

bool ReadUnsignedVarint(BytesView& in, uint32_t& value) { return ReadLeb128(in, value); }

bool ReadVarint(BytesView& in, int32_t& value) {
  uint32_t zigzag = 0;
  if (!ReadLeb128(in, zigzag)) return false;
  value = FromZigzag(zigzag);
  return true;
}

bool ReadVarlong(BytesView& in, int64_t& value) {
  uint64_t zigzag = 0;
  if (!ReadLeb128(in, zigzag)) return false;
  value = FromZigzag(zigzag);
  return true;
}

void AppendUnsignedVarint(Bytes& out, uint32_t value) { AppendLeb128(out, value); }
void AppendVarint(Bytes& out, int32_t value) { AppendLeb128(out, ToZigzag(value)); }
void AppendVarlong(Bytes& out, int64_t value) { AppendLeb128(out, ToZigzag(value)); }

}  // namespace atl
