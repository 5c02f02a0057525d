// Regions by name, so that nobody types addresses: ~/.config/atoll/profiles.yaml (or where
// XDG_CONFIG_HOME says). What is said with --endpoint counts first, then ATOLL_ENDPOINT, then
// --profile or ATOLL_PROFILE, then the profile in use. No secret is in it.
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

}  // namespace atl::cli
