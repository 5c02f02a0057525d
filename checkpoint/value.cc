#include "checkpoint/value.h"

#include "base/bytes.h"
#include "base/crc32c.h"
#include "checkpoint/keys.h"

namespace atl::checkpoint {
namespace {

uint32_t Checksum(std::string_view key, std::string_view payload) {
  return ExtendCrc32c(Crc32c(AsBytes(key)), AsBytes(payload));
}

}  // namespace

std::string SealValue(std::string_view key, std::string_view payload) {
  std::string value(kValueHeaderBytes, '\0');
  value[0] = static_cast<char>(kValueMagic);
  value[1] = static_cast<char>(kValueVersion);
  StoreBig(reinterpret_cast<std::byte*>(value.data()) + 2, Checksum(key, payload));
  value += payload;
  return value;
}

StatusOr<std::string_view> OpenValue(std::string_view key, std::string_view value) {
  if (value.size() < kValueHeaderBytes)
    return Corrupt("{}: value of {} bytes has no room for its header", PrintableKey(key),
                   value.size());
  const auto magic = static_cast<uint8_t>(value[0]);
  const auto version = static_cast<uint8_t>(value[1]);
  if (magic != kValueMagic)
    return Corrupt("{}: value starts with 0x{:02x}, not 0x{:02x}", PrintableKey(key), magic,
                   kValueMagic);
  if (version != kValueVersion)
    return Corrupt("{}: value has version {}, this program knows {}", PrintableKey(key), version,
                   kValueVersion);
  const auto stored = LoadBig<uint32_t>(AsBytes(value).data() + 2);
  const std::string_view payload = value.substr(kValueHeaderBytes);
  if (stored != Checksum(key, payload))
    return Corrupt("{}: checksum of the value does not match", PrintableKey(key));
  return payload;
}

}  // namespace atl::checkpoint
