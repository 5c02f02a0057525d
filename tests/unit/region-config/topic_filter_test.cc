#include "region-config/topic_filter.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

namespace atl::config {
namespace {

constexpr RuleAction kInclude = RuleAction::kInclude;
constexpr RuleAction kExclude = RuleAction::kExclude;

struct Row {
  TopicMatch match;
  std::string pattern;
  std::string topic;
  bool expected;
};

}  // namespace

TEST_CASE("Each way to match matches what it says", "[config]") {
  const std::vector<Row> rows = {
      {TopicMatch::kLiteral, "orders", "orders", true},
      {TopicMatch::kLiteral, "orders", "orders2", false},
      {TopicMatch::kLiteral, "a.b", "axb", false},
      {TopicMatch::kPrefix, "tmp.", "tmp.x", true},
      {TopicMatch::kPrefix, "tmp.", "tmp.", true},
      {TopicMatch::kPrefix, "tmp.", "a.tmp.", false},
      {TopicMatch::kGlob, "*", "anything", true},
      {TopicMatch::kGlob, "orders-*", "orders-", true},
      {TopicMatch::kGlob, "orders-*", "orders", false},
      {TopicMatch::kGlob, "*-eu", "orders-eu", true},
      {TopicMatch::kGlob, "*-eu", "orders-eu-1", false},
      {TopicMatch::kGlob, "a*b*c", "a-b-b-c", true},
      {TopicMatch::kGlob, "a*b*c", "a-c-b", false},
      {TopicMatch::kGlob, "a?c", "abc", true},
      {TopicMatch::kGlob, "a?c", "ac", false},
      {TopicMatch::kGlob, "a**", "a", true},
      {TopicMatch::kGlob, "?", "", false},
      {TopicMatch::kGlob, "a.b", "axb", false},
      {TopicMatch::kRegex, "orders-[0-9]{4}", "orders-2026", true},
      {TopicMatch::kRegex, "orders-[0-9]{4}", "orders-20261", false},
      {TopicMatch::kRegex, "orders", "my-orders", false},
      {TopicMatch::kRegex, "a|bc", "bc", true},
      {TopicMatch::kRegex, "(a|b)+\\.x", "abab.x", true},
      {TopicMatch::kRegex, "^a$", "a", true},
  };
  for (const Row& row : rows) {
    INFO(row.pattern << " on " << row.topic);
    REQUIRE(CheckPattern(row.match, row.pattern).ok());
    const TopicFilter filter({{kInclude, row.match, row.pattern}});
    REQUIRE(filter.Mirrors(TopicName(row.topic)) == row.expected);
  }
}

TEST_CASE("The first rule that matches decides, and no match is no", "[config]") {
  const TopicFilter filter({{kInclude, TopicMatch::kLiteral, "tmp.keep"},
                            {kExclude, TopicMatch::kPrefix, "tmp."},
                            {kInclude, TopicMatch::kGlob, "t*"}});
  REQUIRE(filter.Mirrors(TopicName("tmp.keep")));
  REQUIRE_FALSE(filter.Mirrors(TopicName("tmp.other")));
  REQUIRE(filter.Mirrors(TopicName("trades")));
  REQUIRE_FALSE(filter.Mirrors(TopicName("orders")));
  REQUIRE_FALSE(TopicFilter({}).Mirrors(TopicName("orders")));
}

TEST_CASE("Internal topics are mirrored only when a rule names them", "[config]") {
  const TopicFilter patterns({{kInclude, TopicMatch::kGlob, "*"},
                              {kInclude, TopicMatch::kPrefix, "__"},
                              {kInclude, TopicMatch::kRegex, "__.*"}});
  REQUIRE_FALSE(patterns.Mirrors(TopicName("__consumer_offsets")));
  REQUIRE(patterns.Mirrors(TopicName("_schemas")));
  const TopicFilter named(
      {{kExclude, TopicMatch::kGlob, "*"}, {kInclude, TopicMatch::kLiteral, "__consumer_offsets"}});
  REQUIRE(named.Mirrors(TopicName("__consumer_offsets")));
  REQUIRE_FALSE(named.Mirrors(TopicName("__transaction_state")));
}

TEST_CASE("Patterns that can match nothing or could grow without bound are refused", "[config]") {
  REQUIRE_FALSE(CheckPattern(TopicMatch::kLiteral, "a*").ok());
  REQUIRE_FALSE(CheckPattern(TopicMatch::kPrefix, "a b").ok());
  REQUIRE_FALSE(CheckPattern(TopicMatch::kGlob, "[ab]*").ok());
  for (const std::string pattern :
       {"(", ")", "[a", "a{2", "*", "(a)\\1", "a{1001}", "(a{100}){100}", "((a{11}){11}){11}",
        "a{99999999999999999999}", "a{0,5000}", "\\"}) {
    INFO(pattern);
    REQUIRE_FALSE(CheckPattern(TopicMatch::kRegex, pattern).ok());
  }
  for (const TopicMatch match : {TopicMatch::kLiteral, TopicMatch::kGlob, TopicMatch::kRegex})
    REQUIRE_FALSE(CheckPattern(match, std::string(kMaxPatternBytes + 1, 'a')).ok());
}

TEST_CASE("The worst allowed patterns answer on the longest topic name", "[config]") {
  const std::string longest(249, 'a');
  for (const std::string& pattern :
       {std::string("(a*)*b"), std::string("(a|a)*b"), std::string("(a+)+b"),
        std::string("(a?){300}b"), std::string("((a?){14}){14}b"), std::string("(.*.*.*)*b"),
        std::string(120, '(') + std::string(120, ')'), std::string("(|||||||a?){90}b")}) {
    INFO(pattern);
    if (!CheckPattern(TopicMatch::kRegex, pattern).ok()) continue;
    const TopicFilter filter({{kInclude, TopicMatch::kRegex, pattern}});
    REQUIRE_FALSE(filter.Mirrors(TopicName(longest)));
  }
}

TEST_CASE("Globs with many stars answer at once", "[config]") {
  std::string pattern;
  for (int i = 0; i < 100; ++i) pattern += "a*";
  const TopicFilter filter({{kInclude, TopicMatch::kGlob, pattern + "b"}});
  REQUIRE_FALSE(filter.Mirrors(TopicName(std::string(249, 'a'))));
}

}  // namespace atl::config
