#include <fmt/core.h>

#include <boost/json/parse.hpp>

#include <catch2/catch.hpp>

#include "core-broker/admin/state_book.h"

namespace atl::broker {
namespace {

std::string Number(int i) { return fmt::format(R"({{"n":{}}})", i); }

TEST_CASE("Only rows that differ are told, and those that are gone") {
  StateBook book;
  REQUIRE(
      book.Replace("links", {{"a", Number(1)}, {"b", Number(2)}}) ==
      R"({"section":"links","whole":false,"set":{"a":{"n":1},"b":{"n":2}},"gone":[],"leftOut":0})");
  REQUIRE(book.Replace("links", {{"a", Number(1)}, {"b", Number(2)}}).empty());
  REQUIRE(book.Replace("links", {{"b", Number(3)}, {"c", Number(4)}}) ==
          R"({"section":"links","whole":false,"set":{"b":{"n":3},"c":{"n":4}},"gone":["a"],)"
          R"("leftOut":0})");
}

TEST_CASE("A newcomer gets the whole section, also one that was never looked at") {
  StateBook book;
  REQUIRE(book.Whole("links") ==
          R"({"section":"links","whole":true,"set":{},"gone":[],"leftOut":0})");
  (void)book.Replace("links", {{"a", Number(1)}});
  REQUIRE(book.Whole("links") ==
          R"({"section":"links","whole":true,"set":{"a":{"n":1}},"gone":[],"leftOut":0})");
}

TEST_CASE("Sections don't mix, and keys may be any text") {
  StateBook book;
  (void)book.Replace("topics", {{"a", Number(1)}});
  const std::string message = book.Replace("links", {{"\"</script>\n", Number(1)}});
  const auto parsed = boost::json::parse(message);
  REQUIRE(parsed.at("set").at("\"</script>\n").at("n").as_int64() == 1);
  REQUIRE_FALSE(parsed.at("set").as_object().contains("a"));
}

TEST_CASE("A section has a limit, and says how many rows are beyond it") {
  StateBook book;
  StateRows rows;
  for (size_t i = 0; i < StateBook::kMostRows + 3; ++i) rows[fmt::format("{:06}", i)] = Number(0);
  (void)book.Replace("mirrors", rows);
  const auto whole = boost::json::parse(book.Whole("mirrors"));
  REQUIRE(whole.at("set").as_object().size() == StateBook::kMostRows);
  REQUIRE(whole.at("leftOut").as_int64() == 3);
  REQUIRE(book.Replace("mirrors", rows).empty());
}

}  // namespace
}  // namespace atl::broker
