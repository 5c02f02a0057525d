// Checks messages against bytes that another implementation (kafka-python 3.0, which runs Kafka's
// own message definitions) wrote: both directions must agree with it byte for byte. Include after
// <catch2/catch.hpp>: it asserts.
#pragma once

#include <map>

#include "tests/unit/kafka/wire/all_messages.h"

namespace atl::kafka {

inline Bytes Hex(std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  Bytes bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(digit(hex[i]) << 4 | digit(hex[i + 1])));
  }
  return bytes;
}

// Each version's bytes, from the oldest to the newest encoding.
using Golden = std::map<int16_t, std::string_view>;

template <class M>
void Check(const M& message, const Golden& golden) {
  for (const auto& [version, hex] : golden) {
    INFO(MessageName<M>() << " v" << version);
    const Bytes bytes = Hex(hex);
    REQUIRE(EncodeBytes(message, version) == bytes);
    const StatusOr<M> decoded = Decode<M>(bytes, version);
    REQUIRE(decoded.status() == OkStatus());
    REQUIRE(EncodeBytes(*decoded, version) == bytes);
  }
}

}  // namespace atl::kafka
