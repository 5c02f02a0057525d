#include "base/uuid.h"

#include "base/random.h"

namespace atl {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr size_t kTextLength = 22;  // 128 bits in sixes; the last character carries two.
constexpr int kLastSpareBits = 4;

int ValueOf(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '-') return 62;
  if (c == '_') return 63;
  return -1;
}

}  // namespace

Uuid Uuid::Generate(Random& random) {
  Uuid id;
  do {
    const uint64_t halves[2] = {random.Next(), random.Next()};
    std::memcpy(id.bytes_.data(), halves, sizeof halves);
    // RFC 4122 version 4, as Kafka's are. The version keeps it from ever being zero.
    id.bytes_[6] = static_cast<uint8_t>((id.bytes_[6] & 0x0F) | 0x40);
    id.bytes_[8] = static_cast<uint8_t>((id.bytes_[8] & 0x3F) | 0x80);
  } while (id.ToString().front() == '-');
  return id;
}

std::optional<Uuid> Uuid::Parse(std::string_view text) {
  if (text.size() != kTextLength) return std::nullopt;
  std::array<uint8_t, 16> bytes{};
  uint32_t window = 0;
  int window_bits = 0;
  size_t filled = 0;
  for (const char c : text) {
    const int value = ValueOf(c);
    if (value < 0) return std::nullopt;
    window = (window << 6) | static_cast<uint32_t>(value);
    window_bits += 6;
    if (window_bits < 8) continue;
    window_bits -= 8;
    bytes[filled++] = static_cast<uint8_t>(window >> window_bits);
    window &= (1U << window_bits) - 1;
  }
  // One id has one text: the spare bits of the last character are zero.
  if (window != 0) return std::nullopt;
  return Uuid(bytes);
}

std::string Uuid::ToString() const {
  std::string text;
  text.reserve(kTextLength);
  uint32_t window = 0;
  int window_bits = 0;
  for (const uint8_t byte : bytes_) {
    window = (window << 8) | byte;
    window_bits += 8;
    while (window_bits >= 6) {
      window_bits -= 6;
      text.push_back(kAlphabet[(window >> window_bits) & 0x3F]);
    }
  }
  text.push_back(kAlphabet[(window << kLastSpareBits) & 0x3F]);
  return text;
}

}  // namespace atl
