#include "base/utf8.h"

#include <string>

#include <catch2/catch.hpp>

namespace atl {

TEST_CASE("Text is UTF-8 without control characters") {
  for (const char* good :
       {"", "plain", "tab\tand\nline", "für", "\xE2\x82\xAC", "\xF0\x9F\x8C\x8A"})
    REQUIRE(IsText(good));
  for (const char* bad : {"\x01", "\x7F", "\x80", "\xC0\xAF", "\xC3", "\xE0\x80\xAF",
                          "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "good \xFF"})
    REQUIRE_FALSE(IsText(bad));
  REQUIRE_FALSE(IsText(std::string("a\0b", 3)));
}

TEST_CASE("What is no text is replaced byte by byte, and the rest kept") {
  REQUIRE(ReplaceBadText("für\n") == "für\n");
  REQUIRE(ReplaceBadText("a\xFFz") == "a\xEF\xBF\xBDz");
  REQUIRE(ReplaceBadText("\x01\xC3") == "\xEF\xBF\xBD\xEF\xBF\xBD");
  REQUIRE(ReplaceBadText("").empty());
}

}  // namespace atl
