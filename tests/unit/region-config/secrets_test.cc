#include "region-config/secrets.h"

#include <string>
#include <type_traits>

#include "tests/unit/region-config/config_text.h"

#include <catch2/catch.hpp>

namespace atl::config {
namespace {

template <class T>
concept Streamable = requires(std::ostream& out, const T& value) {
  out << value;
};

void WriteFile(TestWorld& world, const std::string& path, const std::string& text, uint32_t mode) {
  REQUIRE(world.files.CreateFolders(ParentPath(path)).ok());
  REQUIRE(WriteWholeFile(world.files, path, AsBytes(text)).ok());
  world.modes[path] = mode;
}

StatusOr<Secret> Resolve(TestWorld& world, const std::string& reference) {
  const StatusOr<SecretReference> parsed = SecretReference::Parse(reference);
  REQUIRE(parsed.ok());
  REQUIRE(parsed->ToString() == reference);
  return parsed->Resolve(world.environment());
}

}  // namespace

TEST_CASE("A secret can't be printed, converted or copied", "[config]") {
  STATIC_REQUIRE_FALSE(Streamable<Secret>);
  STATIC_REQUIRE_FALSE(fmt::is_formattable<Secret>::value);
  STATIC_REQUIRE_FALSE(std::is_convertible_v<Secret, std::string>);
  STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<Secret>);
  Secret first("hunter2");
  const Secret second(std::move(first));
  REQUIRE(second.ForUse() == "hunter2");
  Secret third("x");
  third = Secret("hunter3");
  REQUIRE(third.ForUse() == "hunter3");
}

TEST_CASE("A secret is a reference, never itself", "[config]") {
  for (const std::string text : {"hunter2", "", "${env:}", "${env:A", "${x:A}", "a${env:A}",
                                 "${env:A}b", "${env:${env:A}}", "${file:}"}) {
    INFO(text);
    const Status status = SecretReference::Parse(text).status();
    REQUIRE(status.code() == StatusCode::kInvalidArgument);
    REQUIRE(std::string(StatusMessage(status)).find("hunter2") == std::string::npos);
  }
}

TEST_CASE("A secret is read when it is used", "[config]") {
  TestWorld world;
  REQUIRE(Resolve(world, "${env:PASSWORD}").status().code() == StatusCode::kNotFound);
  world.variables["PASSWORD"] = "first";
  REQUIRE(Resolve(world, "${env:PASSWORD}")->ForUse() == "first");
  world.variables["PASSWORD"] = "rotated";
  REQUIRE(Resolve(world, "${env:PASSWORD}")->ForUse() == "rotated");
}

TEST_CASE("A secret file must be its owner's alone", "[config]") {
  TestWorld world;
  for (const uint32_t mode : {0600U, 0400U}) {
    WriteFile(world, "/run/secret", "hunter2\n", mode);
    REQUIRE(Resolve(world, "${file:/run/secret}")->ForUse() == "hunter2");
  }
  for (const uint32_t mode : {0640U, 0604U, 0644U, 0700U, 0620U}) {
    world.modes["/run/secret"] = mode;
    const Status status = Resolve(world, "${file:/run/secret}").status();
    REQUIRE(status.code() == StatusCode::kFailedPrecondition);
    REQUIRE(std::string(StatusMessage(status)).find("make it 0600") != std::string::npos);
  }
  REQUIRE_FALSE(Resolve(world, "${file:/run/missing}").ok());
  WriteFile(world, "/run/large", std::string(64 * 1024 + 1, 'x'), 0600);
  REQUIRE_FALSE(Resolve(world, "${file:/run/large}").ok());
}

}  // namespace atl::config
