#include "checkpoint/value.h"

#include <string>

#include "checkpoint/keys.h"

#include <catch2/catch.hpp>

namespace atl::checkpoint {
namespace {

const std::string kKey = LinkKey(TableId::kLinkState, LinkName("east"));

void RequireDamaged(const std::string& key, const std::string& value) {
  const auto opened = OpenValue(key, value);
  REQUIRE(opened.status().code() == StatusCode::kDataLoss);
  REQUIRE(std::string(StatusMessage(opened.status())).starts_with(PrintableKey(key) + ": "));
}

}  // namespace

TEST_CASE("A sealed value opens to its payload", "[checkpoint]") {
  for (const std::string& payload : {std::string(), std::string("x"), std::string(1000, '\0')})
    REQUIRE(OpenValue(kKey, SealValue(kKey, payload)).value() == payload);
}

TEST_CASE("Every flipped bit and every truncation of a value is damage that names the key",
          "[checkpoint]") {
  const std::string sealed = SealValue(kKey, "payload");
  for (size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    std::string damaged = sealed;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    RequireDamaged(kKey, damaged);
  }
  for (size_t size = 0; size < sealed.size(); ++size) RequireDamaged(kKey, sealed.substr(0, size));
  RequireDamaged(kKey, sealed + "x");
}

TEST_CASE("A value under another key is damage", "[checkpoint]") {
  RequireDamaged(LinkKey(TableId::kLinkState, LinkName("west")), SealValue(kKey, "payload"));
}

// These bytes are on disks.
TEST_CASE("The envelope is what it was when the first store was written", "[checkpoint]") {
  const std::string sealed = SealValue("123456", "789");
  // crc32c("123456789") = e3069283
  REQUIRE(sealed == std::string("\xA7\x01\xE3\x06\x92\x83"
                                "789",
                                9));
}

}  // namespace atl::checkpoint
