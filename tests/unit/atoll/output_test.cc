// What -o makes of a page: each form of each kind of page, in full.
#include "atoll/cli/output.h"

#include <boost/json/parse.hpp>

#include "atoll/cli/yaml.h"
#include "region-config/yaml_tree.h"

#include <catch2/catch.hpp>

namespace atl::cli {
namespace {

constexpr const char* kLinks = R"({"links":[
    {"name":"from-us","state":"running","lag":12,"rpo":0.25,"kind":"atoll"},
    {"name":"from-ap","state":"gap","lag":null,"rpo":134.0,"kind":"kafka"}]})";

Table LinkTable(const json::value& answer) {
  const auto shout = [](const json::value& row) { return Text(row, "state") + "!"; };
  return Table({Name(Field("LINK", "name")), Wide(Field("KIND", "kind")), Made("STATE", shout),
                Field("LAG", "lag"), Age("RPO", "rpo")},
               Items(answer, "links"));
}

Page LinkPage() {
  const json::value answer = json::parse(kLinks);
  return Page(answer).Line("two links\n").Add(LinkTable(answer));
}

}  // namespace

TEST_CASE("A page looks as -o and --no-headers ask", "[cli]") {
  struct Case {
    const char* what;
    View view;
    const char* expected;
  };
  const auto [what, view, expected] = GENERATE(values<Case>({
      {"table",
       {Format::kTable},
       "two links\n"
       "LINK     STATE     LAG  RPO\n"
       "from-us  running!   12  0.2s\n"
       "from-ap  gap!        -  2m14s\n"},
      {"wide",
       {Format::kWide},
       "two links\n"
       "LINK     KIND   STATE     LAG  RPO\n"
       "from-us  atoll  running!   12  0.2s\n"
       "from-ap  kafka  gap!        -  2m14s\n"},
      {"no headers",
       {Format::kTable, false},
       "two links\n"
       "from-us  running!  12  0.2s\n"
       "from-ap  gap!       -  2m14s\n"},
      {"json",
       {Format::kJson},
       R"({"links":[{"name":"from-us","state":"running","lag":12,"rpo":2.5E-1,"kind":"atoll"},)"
       R"({"name":"from-ap","state":"gap","lag":null,"rpo":1.34E2,"kind":"kafka"}]})"
       "\n"},
      {"yaml",
       {Format::kYaml},
       "links:\n"
       "  - name: from-us\n    state: running\n    lag: 12\n    rpo: 0.25\n    kind: atoll\n"
       "  - name: from-ap\n    state: gap\n    lag: null\n    rpo: 134\n    kind: kafka\n"},
      {"name", {Format::kName}, "from-us\nfrom-ap\n"},
  }));
  INFO(what);
  REQUIRE(LinkPage().ToString(view) == expected);
}

TEST_CASE("Numbers stand right, of columns with nothing else; an empty table has its titles",
          "[cli]") {
  const json::value rows = json::parse(R"([{"n":1,"m":1},{"n":1000,"m":"x"}])");
  const std::vector<Column> columns{Field("NUMBER", "n"), Field("MIXED", "m")};
  REQUIRE(Table(columns, rows.as_array()).ToString({}) == "NUMBER  MIXED\n     1  1\n  1000  x\n");
  REQUIRE(Table(columns, {}).ToString({}) == "NUMBER  MIXED\n");
  REQUIRE(Table(columns, {}).ToString({Format::kTable, false}).empty());
}

TEST_CASE("A row's name is made of all columns that name it; a page may have its own", "[cli]") {
  const json::value rows = json::parse(R"([{"topic":"orders","partition":7}])");
  const Table table({Name(Field("TOPIC", "topic")), Name(Wide(Field("PARTITION", "partition")))},
                    rows.as_array());
  const View names{Format::kName};
  REQUIRE(Page(rows).Add(table).ToString(names) == "orders-7\n");
  REQUIRE(Page(rows).Add(table).Named("a").Named("b").ToString(names) == "a\nb\n");
  REQUIRE(
      Page(rows).Add(Table({Field("TOPIC", "topic")}, rows.as_array())).ToString(names).empty());
}

TEST_CASE("A state that needs somebody is red where there is colour", "[cli]") {
  const json::value rows = json::parse(R"([{"state":"gap"},{"state":"running"}])");
  View view;
  view.colour = true;
  REQUIRE(Table({Field("STATE", "state")}, rows.as_array()).ToString(view) ==
          "STATE\n\x1b[31mgap\x1b[0m\nrunning\n");
}

TEST_CASE("YAML leaves plain what nobody mistakes, and quotes the rest", "[cli]") {
  const auto [text, expected] = GENERATE(values<std::pair<const char*, const char*>>({
      {R"("from-us")", "from-us\n"},
      {R"("/var/lib/atoll")", "\"/var/lib/atoll\"\n"},
      {R"("a: b")", "\"a: b\"\n"},
      {R"("# no")", "\"# no\"\n"},
      {R"("a\nb\"c")", "\"a\\nb\\\"c\"\n"},
      {R"("")", "\"\"\n"},
      {R"("Yes")", "\"Yes\"\n"},
      {R"("null")", "\"null\"\n"},
      {R"("12")", "\"12\"\n"},
      {R"("2026-11-29T11:00:00Z")", "\"2026-11-29T11:00:00Z\"\n"},
      {R"(true)", "true\n"},
      {R"(null)", "null\n"},
      {R"(-7)", "-7\n"},
      {R"(0.00001)", "1.0e-05\n"},
      {R"({})", "{}\n"},
      {R"([])", "[]\n"},
      {R"([[1,2],[]])", "- - 1\n  - 2\n- []\n"},
      {R"({"on":{"a b":[{"x":{}}]}})", "\"on\":\n  \"a b\":\n    - x: {}\n"},
  }));
  INFO(text);
  const std::string yaml = ToYaml(json::parse(text));
  REQUIRE(yaml == expected);
  std::vector<config::Problem> problems;
  REQUIRE(config::ParseYaml("it", yaml, problems).size() == 1);
  REQUIRE(problems.empty());
}

}  // namespace atl::cli
