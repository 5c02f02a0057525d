// Where a command goes: options before variables before the profile in use.
#include "atoll/cli/profile.h"

#include "base/memory_file.h"

#include <catch2/catch.hpp>

namespace atl::cli {
namespace {

constexpr const char* kPath = "/home/atoll/profiles.yaml";

Profiles Two(std::string in_use) {
  return {std::move(in_use), {{"us", "http://us:1"}, {"eu", "http://eu:1"}}};
}

}  // namespace

TEST_CASE("The first that is said counts", "[cli]") {
  struct Case {
    Whereto said;
    const char* in_use;
    const char* expected;
  };
  const auto [said, in_use, expected] = GENERATE(values<Case>({
      {{"http://a:1", "us", "http://b:1", "eu"}, "eu", "http://a:1"},
      {{"", "us", "http://b:1", "eu"}, "eu", "http://us:1"},
      {{"", "", "http://b:1", "eu"}, "us", "http://b:1"},
      {{"", "", "", "eu"}, "us", "http://eu:1"},
      {{"", "", "", ""}, "us", "http://us:1"},
      {{"", "", "", ""}, "", "http://127.0.0.1:19644"},
  }));
  MemoryFileSystem files;
  REQUIRE(SaveProfiles(files, kPath, Two(in_use)).ok());
  REQUIRE(*ChooseEndpoint(said, files, kPath) == expected);
}

TEST_CASE("A profile that isn't there is an error, never another region", "[cli]") {
  MemoryFileSystem files;
  REQUIRE(SaveProfiles(files, kPath, Two("us")).ok());
  for (const Whereto& said : {Whereto{"", "mars", "http://b:1", ""}, Whereto{"", "", "", "mars"}}) {
    const StatusOr<std::string> chosen = ChooseEndpoint(said, files, kPath);
    REQUIRE(chosen.status().code() == StatusCode::kNotFound);
    REQUIRE(StatusMessage(chosen.status()) ==
            "no profile `mars`\n  atoll profile set mars --endpoint http://HOST:PORT");
  }
  REQUIRE(ChooseEndpoint({"", "us", "", ""}, files, "/nowhere.yaml").status().code() ==
          StatusCode::kNotFound);
}

TEST_CASE("A broken file matters only to who needs it", "[cli]") {
  MemoryFileSystem files;
  REQUIRE(files.CreateFolders("/home/atoll").ok());
  REQUIRE(WriteWholeFile(files, kPath, AsBytes("profiles: [")).ok());
  REQUIRE(*ChooseEndpoint({"http://a:1", "", "", ""}, files, kPath) == "http://a:1");
  REQUIRE(ChooseEndpoint({"", "us", "", ""}, files, kPath).status().code() ==
          StatusCode::kInvalidArgument);
}

}  // namespace atl::cli
