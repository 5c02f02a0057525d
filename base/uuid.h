// A 128-bit id, written as Kafka writes it: 22 characters of URL-safe base64 without padding
// (KIP-516).
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace atl {

class Random;

class Uuid {
 public:
  constexpr Uuid() = default;
  constexpr explicit Uuid(const std::array<uint8_t, 16>& bytes) : bytes_(bytes) {}

  // Never zero, and never starts with '-', which a command line would take for an option.
  static Uuid Generate(Random& random);
  static std::optional<Uuid> Parse(std::string_view text);

  bool is_zero() const { return *this == Uuid(); }
  const std::array<uint8_t, 16>& bytes() const { return bytes_; }
  std::string ToString() const;
  friend constexpr auto operator<=>(const Uuid&, const Uuid&) = default;

 private:
  std::array<uint8_t, 16> bytes_{};
};

// A topic's identity: one generation of one name. Never zero, never reused.
using TopicId = Uuid;

}  // namespace atl

template <>
struct std::hash<atl::Uuid> {
  size_t operator()(const atl::Uuid& id) const {
    uint64_t half = 0;
    std::memcpy(&half, id.bytes().data(), sizeof half);
    return std::hash<uint64_t>{}(half);
  }
};
