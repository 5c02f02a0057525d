// The table of fields: what it writes it reads, and the texts made of it.
#include <string>

#include "region-config/load.h"
#include "region-config/schema.h"
#include "tests/unit/region-config/config_text.h"

#include <catch2/catch.hpp>

namespace atl::config {
namespace {

// Every optional field with a value that is not its default.
const std::string kFullLink =
    "apiVersion: atoll/v1\n"
    "kind: Link\n"
    "metadata: {name: from-eu-west}\n"
    "spec:\n"
    "  source:\n"
    "    region: eu-west\n"
    "    bootstrapServers: [\"a:1\", \"[::1]:2\"]\n"
    "    control: c:3\n"
    "  topics:\n"
    "    - {exclude: tmp., match: prefix}\n"
    "    - {include: 'a\\\\.b\"', match: regex}\n"
    "    - {include: one}\n"
    "    - {include: 'x*'}\n"
    "  startFrom: 2026-01-31T08:00:00.250+01:00\n"
    "  objectives: {rpo: 90s}\n"
    "  paused: true\n"
    "  onGap: skip\n"
    "  deletes: follow\n"
    "  sync: {topicConfigs: false}\n"
    "  naming: {prefix: us.}\n"
    "  groups: {sync: false, filter: [{include: g}], pollInterval: 1500ms}\n";

Link LoadLink(const std::string& text) {
  TestWorld world;
  const LoadResult result = LoadText("f", kMinimalRegion + "---\n" + text, world.environment());
  INFO(text);
  REQUIRE(ToString(result.problems) == "");
  REQUIRE(result.config->links.size() == 1);
  return result.config->links[0];
}

}  // namespace

TEST_CASE("A link that is written is read as the same link", "[config]") {
  for (const std::string& text : {kFullLink, kMinimalLink}) {
    const Link link = LoadLink(text);
    REQUIRE(LoadLink(ToYaml(link)) == link);
  }
}

TEST_CASE("A written link leaves out what is default", "[config]") {
  REQUIRE(ToYaml(LoadLink(kMinimalLink)) ==
          "apiVersion: atoll/v1\n"
          "kind: Link\n"
          "metadata:\n"
          "  name: from-eu-west\n"
          "spec:\n"
          "  source:\n"
          "    region: eu-west\n"
          "    bootstrapServers: [\"127.0.0.1:29092\"]\n");
}

TEST_CASE("Names that YAML takes for something else are quoted", "[config]") {
  std::string text = kMinimalLink;
  text.replace(text.find("from-eu-west"), 12, "\"123\"");
  text.replace(text.find("eu-west"), 7, "\"no\"");
  const Link link = LoadLink(text);
  REQUIRE(LoadLink(ToYaml(link)) == link);
}

TEST_CASE("Every field of the example is written as it was read", "[config]") {
  TestWorld world;
  const Config config = *LoadText("f", ExampleYaml(), world.environment()).config;
  for (const Field<Region>& field : RegionFields()) {
    INFO(field.path);
    const bool unset = field.presence == Presence::kOptional && field.default_value.empty();
    const bool derived = field.path == "spec.listeners.kafka.advertise";
    REQUIRE((field.write(config.region).empty() == (unset && !derived)));
  }
  for (const Field<Link>& field : LinkFields()) {
    INFO(field.path);
    const bool unset = field.default_value.empty() && field.presence == Presence::kOptional;
    const bool empty = unset || field.default_value == "\"\"";
    REQUIRE(field.write(config.links[0]).empty() == empty);
  }
}

TEST_CASE("A key is explained by its path, its section or its last words", "[config]") {
  REQUIRE_THAT(Explain("spec.storage.retention").value(),
               Catch::Contains("spec.storage.retention\n    duration, default 7d") &&
                   Catch::Contains("example: 7d") && !Catch::Contains("retentionBytes"));
  REQUIRE_THAT(Explain("spec.storage").value(),
               Catch::Contains("spec.storage.durability") && !Catch::Contains("spec.topics"));
  REQUIRE_THAT(Explain("rpo").value(), Catch::StartsWith("kind Link\n\nspec.objectives.rpo\n"));
  REQUIRE_THAT(Explain("metadata.name").value(),
               Catch::Contains("kind Region") && Catch::Contains("kind Link"));
  REQUIRE_FALSE(Explain("retentoin").has_value());
  REQUIRE(NearestKey("retentoin") == "retention");
  REQUIRE(NearestKey("spec.storage.retentoin") == "spec.storage.retention");
  REQUIRE_FALSE(NearestKey("zzzzzz").has_value());
}

TEST_CASE("Schema and reference page know every field and what its change needs", "[config]") {
  const std::string schema = JsonSchema();
  const std::string page = ReferencePage();
  const auto check = [&](std::string_view path) {
    const std::string key(path.substr(path.rfind('.') + 1));
    INFO(path);
    REQUIRE_THAT(schema, Catch::Contains("\"" + key + "\": {"));
    REQUIRE_THAT(page, Catch::Contains("| `" + std::string(path) + "` |"));
  };
  for (const auto& field : RegionFields()) check(field.path);
  for (const auto& field : LinkFields()) check(field.path);
  REQUIRE_THAT(page, Catch::Contains("| `spec.ordinal` | 1..250 | **required** | never |") &&
                         Catch::Contains("| `spec.objectives.rpo` | duration | `30s` | live |") &&
                         Catch::Contains("| `spec.storage.retention` | duration | `7d` | restart"));
}

}  // namespace atl::config
