// Differences between configurations, and the files that an apply makes.
#include <string>
#include <vector>

#include "region-config/apply.h"
#include "region-config/diff.h"
#include "tests/unit/region-config/config_text.h"

#include <catch2/catch.hpp>

namespace atl::config {
namespace {

Config LoadGood(const std::string& text) {
  TestWorld world;
  LoadResult result = LoadText("f", text, world.environment());
  INFO(text);
  REQUIRE(ToString(result.problems) == "");
  return *std::move(result.config);
}

std::string Replaced(std::string text, const std::string& what, const std::string& with) {
  const size_t at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), with);
}

std::string LinkNamed(const std::string& name) {
  return Replaced(kMinimalLink, "from-eu-west", name);
}

std::string TextOf(const Edit& edit, const std::string& path) {
  for (const SourceFile& file : edit.files)
    if (file.path == path) return file.text;
  return "(no such file)";
}

}  // namespace

TEST_CASE("The same configuration written in another way has no differences", "[config]") {
  const std::string other =
      Replaced(kMinimalRegion, "ordinal: 1", "ordinal: 1\n  storage: {retention: 168h}");
  REQUIRE(Diff(LoadGood(kMinimalRegion + "---\n" + kMinimalLink),
               LoadGood(kMinimalLink + "---\n" + other))
              .empty());
}

TEST_CASE("Differences name the field, both values and what they need", "[config]") {
  const Config before =
      LoadGood(kMinimalRegion + "---\n" + LinkNamed("a") + "---\n" + LinkNamed("b"));
  const std::string region = Replaced(
      Replaced(kMinimalRegion, "ordinal: 1", "ordinal: 2"), "./data",
      "./data\n  storage: {retentionBytes: 1GiB}\n  ownership: [{topics: x, owner: us-east}]");
  const Config after = LoadGood(region + "---\n" + LinkNamed("b") + "  objectives: {rpo: 5m}\n" +
                                "---\n" + LinkNamed("c"));
  const std::vector<DocumentChange> changes = Diff(before, after);
  REQUIRE(changes.size() == 4);
  REQUIRE((changes[0].kind == "Region" && changes[0].name == "us-east"));
  REQUIRE(Describe(changes, Change::kNever) ==
          std::vector<std::string>{"Region us-east: spec.ordinal: 1 -> 2"});
  REQUIRE(Describe(changes, Change::kRestart) ==
          std::vector<std::string>{"Region us-east: spec.storage.retentionBytes: (unset) -> 1GiB"});
  REQUIRE(Describe(changes, Change::kLive) ==
          std::vector<std::string>{
              "Region us-east: spec.ownership: (unset) -> [{topics: \"x\", owner: us-east}]",
              "Link b: spec.objectives.rpo: 30s -> 5m"});
  REQUIRE((changes[1].name == "a" && changes[1].action == Action::kRemove));
  REQUIRE((changes[2].name == "b" && changes[2].action == Action::kChange));
  REQUIRE((changes[3].name == "c" && changes[3].action == Action::kAdd));
}

TEST_CASE("An applied document takes the place of its namesake and leaves the rest", "[config]") {
  const std::string head = "# Ours.\n" + kMinimalRegion + "# Gold.\n---\n" + LinkNamed("a") +
                           "--- # The second.\n" + LinkNamed("b");
  const std::string changed = "# From git.\n---\n" + LinkNamed("b") + "  paused: true\n\n\n";
  const Edit edit = EditSources({{"f.yaml", head}}, {{"git.yaml", changed}}, {"f.yaml"}, false);
  REQUIRE(TextOf(edit, "f.yaml") == "# Ours.\n" + kMinimalRegion + "# Gold.\n---\n" +
                                        LinkNamed("a") + "---\n" + LinkNamed("b") +
                                        "  paused: true\n");
  REQUIRE(edit.edited.size() == 1);
}

TEST_CASE("A new link is appended to the file, or gets one in the folder", "[config]") {
  const std::string unended = kMinimalRegion.substr(0, kMinimalRegion.size() - 1);
  const Edit file = EditSources({{"f.yaml", unended}}, {{"g", LinkNamed("a")}}, {"f.yaml"}, false);
  REQUIRE(TextOf(file, "f.yaml") == kMinimalRegion + "---\n" + LinkNamed("a"));
  const Edit folder =
      EditSources({{"d/r.yaml", kMinimalRegion}}, {{"g", LinkNamed("a")}}, {"d", true}, false);
  REQUIRE(TextOf(folder, "d/r.yaml") == kMinimalRegion);
  REQUIRE(TextOf(folder, "d/link-a.yaml") == LinkNamed("a"));
  REQUIRE((folder.edited.size() == 1 && folder.edited[0].path == "d/link-a.yaml"));
}

TEST_CASE("Applying the same again edits nothing", "[config]") {
  const std::vector<SourceFile> given = {{"g", LinkNamed("a") + "---\n" + LinkNamed("b")}};
  const Edit first = EditSources({{"d/r.yaml", kMinimalRegion}}, given, {"d", true}, true);
  REQUIRE(first.edited.size() == 2);
  REQUIRE(EditSources(first.files, given, {"d", true}, true).edited.empty());
  const Edit one = EditSources({{"f", kMinimalRegion}}, given, {"f"}, false);
  REQUIRE(EditSources(one.files, given, {"f"}, false).edited.empty());
}

TEST_CASE("Only a prune removes links, and a file without documents goes", "[config]") {
  const std::vector<SourceFile> current = {
      {"d/a.yaml", LinkNamed("a")},
      {"d/r.yaml", kMinimalRegion + "---\n" + LinkNamed("b") + "---\n" + LinkNamed("c")}};
  const std::vector<SourceFile> given = {{"g", LinkNamed("c")}};
  REQUIRE(EditSources(current, given, {"d", true}, false).edited.empty());
  const Edit edit = EditSources(current, given, {"d", true}, true);
  REQUIRE(edit.files.size() == 1);
  REQUIRE(TextOf(edit, "d/r.yaml") == kMinimalRegion + "---\n" + LinkNamed("c"));
  REQUIRE((edit.edited.size() == 2 && !edit.edited[0].text.has_value()));
}

TEST_CASE("A Region is replaced whatever its name is, so that a wrong one is seen", "[config]") {
  const std::string renamed = Replaced(kMinimalRegion, "us-east", "us-west");
  const Edit edit = EditSources({{"f", kMinimalRegion}}, {{"g", renamed}}, {"f"}, false);
  REQUIRE(TextOf(edit, "f") == renamed);
}

}  // namespace atl::config
