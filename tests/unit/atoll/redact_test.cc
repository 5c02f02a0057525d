// What a support bundle leaves out, and that it can be read.
#include <string>

#include "atoll/cli/redact.h"
#include "atoll/cli/tar.h"

#include <catch2/catch.hpp>

namespace atl::cli {

TEST_CASE("The value behind a word for a secret is taken out, to the end of its line", "[cli]") {
  const auto check = [](const std::string& text, const std::string& expected) {
    INFO(text);
    REQUIRE(Redacted(text) == expected);
  };
  check("password: x y\nname: b\n", "password: [redacted]\nname: b\n");
  check("# Old_Password = x", "# Old_Password = [redacted]");
  check("ssl.keystore.password=x\n", "ssl.keystore.password=[redacted]\n");
  check("sasl.jaas.config=a required;", "sasl.jaas.config=[redacted]");
  check("token: \"a b\" # why\n", "token: \"[redacted]\" # why\n");
  // In JSON, and in a text within JSON.
  check(R"({"secret":"a","b":1})", R"({"secret":"[redacted]","b":1})");
  check(R"({"text":"password: a\nkind: b"})", R"({"text":"password: [redacted]\nkind: b"})");
  check(R"({"text":"apiKey: a"})", R"({"text":"apiKey: [redacted]"})");
  check(R"({"text":"{\"secret\": \"a\"} x\n"})", R"({"text":"{\"secret\": \"[redacted]\"} x\n"})");
}

TEST_CASE("Words that are no key, and references, stay", "[cli]") {
  for (const std::string text :
       {"password: ${env:P}\n", "the token service", R"({"group":"token-reader","state":"x"})",
        "secret", "password", "", "passwords are not here\nkind: Link\n"}) {
    INFO(text);
    REQUIRE(Redacted(text) == text);
  }
}

TEST_CASE("A tar has whole blocks, names, sizes and sums", "[cli]") {
  TarWriter tar(FromTimestamp(Timestamp(1'700'000'000'000)));
  tar.Add("a/b.txt", std::string(513, 'x'));
  tar.Add("a/empty", "");
  const std::string bytes = std::move(tar).Finish();
  REQUIRE(bytes.size() == 512 * (1 + 2 + 1 + 2));
  REQUIRE(bytes.substr(0, 8) == std::string("a/b.txt\0", 8));
  REQUIRE(bytes.substr(124, 11) == "00000001001");
  REQUIRE(bytes.substr(257, 5) == "ustar");
  unsigned sum = 0;
  for (size_t i = 0; i < 512; ++i)
    sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(bytes[i]);
  REQUIRE(std::stoul(bytes.substr(148, 6), nullptr, 8) == sum);
}

}  // namespace atl::cli
