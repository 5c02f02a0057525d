// The envelope of every value in the store: magic byte, version byte, crc32c (big-endian) over key
// and payload, payload. The key is in the checksum, so a value that turns up under another key is
// damage too. Damage is kDataLoss naming the key. Pure functions; only checkpoint/*.cc uses them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace atl::checkpoint {

// NEVER change a value: they are on disks.
inline constexpr uint8_t kValueMagic = 0xA7;
inline constexpr uint8_t kValueVersion = 1;
inline constexpr size_t kValueHeaderBytes = 6;

std::string SealValue(std::string_view key, std::string_view payload);
// The payload, a view into `value`.
StatusOr<std::string_view> OpenValue(std::string_view key, std::string_view value);

}  // namespace atl::checkpoint
