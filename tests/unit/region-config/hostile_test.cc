// YAML made to hurt: it must end in problems, quickly and within bounds.
#include <string>
#include <vector>

#include "base/random.h"
#include "region-config/load.h"
#include "tests/unit/region-config/config_text.h"

#include <catch2/catch.hpp>

namespace atl::config {
namespace {

std::vector<Problem> ProblemsOf(const std::string& text) {
  TestWorld world;
  LoadResult result = LoadText("f", text, world.environment());
  REQUIRE(result.config.has_value() == result.problems.empty());
  REQUIRE(result.problems.size() <= 101);
  return result.problems;
}

std::string Repeat(const std::string& part, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) text += part;
  return text;
}

}  // namespace

TEST_CASE("Deep nesting of every form is refused", "[config]") {
  for (const std::string opening : {"[", "{a: ", "- ", "? ", "[{a: ", "? - "}) {
    for (const size_t depth : {33, 100, 499, 501, 5'000, 100'000}) {
      INFO(opening << " x " << depth);
      REQUIRE_FALSE(ProblemsOf(Repeat(opening, depth)).empty());
    }
  }
  std::string indented;
  for (size_t i = 0; i < 1'000; ++i) indented += std::string(i, ' ') + "a:\n";
  REQUIRE_FALSE(ProblemsOf(indented).empty());
}

TEST_CASE("Nesting is refused where the 33rd level begins", "[config]") {
  const std::string lists = Repeat("[", 31) + Repeat("]", 31);
  const std::string deeper = Repeat("[", 32) + Repeat("]", 32);
  REQUIRE(ToString(ProblemsOf("a: " + lists)).find("levels deep") == std::string::npos);
  REQUIRE(ProblemsOf("a: " + deeper)[1].ToString() == "f:1:35: nested more than 32 levels deep");
}

TEST_CASE("Alias bombs are refused, not unfolded", "[config]") {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 30; ++i) {
    const std::string name = "a" + std::to_string(i);
    const std::string below = "*a" + std::to_string(i - 1);
    bomb += name + ": &" + name + " [" + Repeat(below + ", ", 7) + below + "]\n";
  }
  REQUIRE_FALSE(ProblemsOf(bomb).empty());
  REQUIRE_FALSE(ProblemsOf("a: &a [*a]").empty());
  REQUIRE_FALSE(ProblemsOf("a: *nobody").empty());
}

TEST_CASE("Large files of one thing are refused within bounds", "[config]") {
  const size_t size = static_cast<size_t>(kMaxFileBytes);
  std::string keys;
  for (int i = 0; keys.size() < size - 16; ++i) keys += "k" + std::to_string(i) + ": 1\n";
  std::string tags;
  while (tags.size() < size - 8) tags += "- !t &a\n";
  for (const std::string& text :
       {keys, tags, std::string(size, 'a'), std::string(size, '\n'), std::string(size, ' '),
        std::string(size, '#'), std::string(size, '-'), "a: \"" + std::string(size - 8, 'x'),
        Repeat("a: 1\n", size / 5), Repeat("---\n", size / 4), Repeat("- a\n", size / 4),
        "[" + Repeat("a,", size / 2 - 1), "{" + Repeat("a,", size / 2 - 1)})
    REQUIRE_FALSE(ProblemsOf(text).empty());
  REQUIRE_FALSE(ProblemsOf(std::string(size + 1, ' ')).empty());
}

TEST_CASE("Text that is no UTF-8 is refused with its place", "[config]") {
  const std::vector<std::string> bad = {
      "\x80",         "\xC3",         "\xC0\xAF",         "\xED\xA0\x80", "\xF4\x90\x80\x80",
      "\xE0\x80\xAF", "\xF8\x88\x80", "\xF0\x80\x80\xAF", "\xFF\xFE",     std::string("\0", 1),
      "\x1B[31m",     "\x7F",
  };
  for (const std::string& bytes : bad) {
    const std::vector<Problem> problems = ProblemsOf("a: \xC3\xA4 x\n b" + bytes);
    REQUIRE(problems.size() == 1);
    REQUIRE(problems[0].position.line == 2);
    REQUIRE(problems[0].position.column == 3);
  }
  REQUIRE(ProblemsOf("\xFE\xFF" + kMinimalRegion).size() == 1);
  REQUIRE(ProblemsOf("\xEF\xBB\xBF" + kMinimalRegion).empty());  // A byte order mark is harmless.
}

TEST_CASE("Damaged documents never crash the loader", "[config]") {
  const uint64_t seed = 3;
  INFO("seed " << seed);
  Random random(seed);
  const std::string good = kMinimalRegion + "---\n" + kMinimalLink;
  const std::string spice = "{}[],:-?&*!|>'\"%@`#\n\t \\~<=$0";
  for (int round = 0; round < 3'000; ++round) {
    std::string text = good;
    for (uint64_t edits = 1 + random.Below(4); edits > 0; --edits) {
      const size_t at = random.Below(text.size());
      const char c = spice[random.Below(spice.size())];
      switch (random.Below(3)) {
        case 0:
          text[at] = c;
          break;
        case 1:
          text.insert(at, 1 + random.Below(3), c);
          break;
        default:
          text.erase(at, 1 + random.Below(8));
      }
    }
    ProblemsOf(text);
  }
  for (size_t size = 0; size < good.size(); ++size) ProblemsOf(good.substr(0, size));
}

}  // namespace atl::config
