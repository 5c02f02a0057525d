// Views of bytes and big-endian loads and stores, as Kafka's formats use them. Nothing here owns
// memory but Bytes.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace atl {

using BytesView = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;
using Bytes = std::vector<std::byte>;

inline BytesView AsBytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}
inline std::string_view AsText(BytesView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline Bytes CopyBytes(BytesView bytes) { return Bytes(bytes.begin(), bytes.end()); }

namespace internal {
template <class T>
constexpr T SwapToBig(T value) {
  if constexpr (sizeof(T) == 1)
    return value;
  else if constexpr (sizeof(T) == 2)
    return static_cast<T>(__builtin_bswap16(static_cast<uint16_t>(value)));
  else if constexpr (sizeof(T) == 4)
    return static_cast<T>(__builtin_bswap32(static_cast<uint32_t>(value)));
  else
    return static_cast<T>(__builtin_bswap64(static_cast<uint64_t>(value)));
}
}  // namespace internal

// The caller has checked that sizeof(T) bytes are there.
template <class T>
T LoadBig(const std::byte* at) {
  static_assert(std::is_integral_v<T> && std::endian::native == std::endian::little);
  T value;
  std::memcpy(&value, at, sizeof value);
  return internal::SwapToBig(value);
}
template <class T>
void StoreBig(std::byte* at, T value) {
  static_assert(std::is_integral_v<T> && std::endian::native == std::endian::little);
  value = internal::SwapToBig(value);
  std::memcpy(at, &value, sizeof value);
}

}  // namespace atl
