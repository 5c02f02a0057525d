#include "region-config/environment.h"

#include <sys/stat.h>

#include <cstdlib>
#include <string>

#include "region-config/secrets.h"
#include "tests/support/temp_folder.h"

#include <catch2/catch.hpp>

namespace atl::config {

TEST_CASE("The system's environment has its variables, files and modes", "[config]") {
  const TempFolder folder;
  const std::string path = folder.path() + "/secret";
  REQUIRE(WriteWholeFile(PosixFileSystem(), path, AsBytes("hunter2\n")).ok());
  REQUIRE(::setenv("ATOLL_ENVIRONMENT_TEST", "value", 1) == 0);
  const Environment environment = SystemEnvironment();
  REQUIRE(environment.variable("ATOLL_ENVIRONMENT_TEST") == "value");
  REQUIRE(environment.variable("ATOLL_ENVIRONMENT_TEST_UNSET") == std::nullopt);
  REQUIRE_FALSE(environment.file_mode(folder.path() + "/missing").ok());

  const StatusOr<SecretReference> secret = SecretReference::Parse("${file:" + path + "}");
  REQUIRE(::chmod(path.c_str(), 0644) == 0);
  REQUIRE(environment.file_mode(path).value() == 0644);
  REQUIRE(secret->Resolve(environment).status().code() == StatusCode::kFailedPrecondition);
  REQUIRE(::chmod(path.c_str(), 0600) == 0);
  REQUIRE(secret->Resolve(environment)->ForUse() == "hunter2");
}

}  // namespace atl::config
