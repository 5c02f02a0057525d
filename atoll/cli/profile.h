// Regions by name, so that nobody types addresses: ~/.config/atoll/profiles.yaml (or where
// XDG_CONFIG_HOME says). No secret is in it.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/status.h"

namespace atl::cli {

struct Profiles {
  std::string in_use;                            // Empty: none.
  std::map<std::string, std::string> endpoints;  // By name.
};

// Where the file is; empty: the environment names no home.
std::string ProfilesPath();
// A file that is not there is no profiles.
StatusOr<Profiles> LoadProfiles(FileSystem& files, const std::string& path);
Status SaveProfiles(FileSystem& files, const std::string& path, const Profiles& profiles);
StatusOr<std::string> EndpointOf(const Profiles& profiles, const std::string& name);

// What may say where commands go; empty is unsaid. The first that is said counts: who types an
// option means it more than who once set a variable.
struct Whereto {
  std::string endpoint;           // --endpoint
  std::string profile;            // --profile
  std::string endpoint_variable;  // ATOLL_ENDPOINT
  std::string profile_variable;   // ATOLL_PROFILE
};
// After them the profile in use, then this machine. The file is read only where a profile counts;
// a profile that isn't there is an error: the command would go to another region.
StatusOr<std::string> ChooseEndpoint(const Whereto& said, FileSystem& files,
                                     const std::string& path);

}  // namespace atl::cli
