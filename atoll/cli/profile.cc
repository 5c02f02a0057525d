// atoll profile list|set|use|delete, and the endpoint that a profile gives to every other command.
#include "atoll/cli/profile.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>

#include "atoll/cli/api.h"
#include "atoll/cli/command.h"
#include "atoll/cli/output.h"
#include "region-config/yaml_tree.h"

namespace atl::cli {
namespace {

constexpr ByteCount kMostBytes{64 << 10};
constexpr const char* kThisMachine = "http://127.0.0.1:19644";

std::string Variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

bool IsName(std::string_view name) {
  constexpr std::string_view kLegal =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
  return !name.empty() && name.size() <= 63 &&
         name.find_first_not_of(kLegal) == std::string_view::npos;
}

// No mark of YAML's and no line can be in an address.
bool IsEndpoint(std::string_view text) {
  constexpr std::string_view kLegal =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:/[]_-";
  return text.find(':') != std::string_view::npos &&
         text.find_first_not_of(kLegal) == std::string_view::npos;
}

int Change(const std::function<Status(Profiles&)>& change) {
  const std::string path = ProfilesPath();
  if (path.empty())
    return PrintError(FailedPrecondition("neither XDG_CONFIG_HOME nor HOME is set"));
  StatusOr<Profiles> profiles = LoadProfiles(PosixFileSystem(), path);
  if (!profiles.ok()) return PrintError(profiles.status());
  if (const Status done = change(*profiles); !done.ok()) return PrintError(done);
  const Status saved = SaveProfiles(PosixFileSystem(), path, *profiles);
  return saved.ok() ? 0 : PrintError(saved);
}

int List(const Session& session) {
  const StatusOr<Profiles> profiles = LoadProfiles(PosixFileSystem(), ProfilesPath());
  if (!profiles.ok()) return PrintError(profiles.status());
  json::array rows;
  for (const auto& [name, endpoint] : profiles->endpoints) {
    rows.push_back(
        json::object{{"name", name}, {"endpoint", endpoint}, {"inUse", name == profiles->in_use}});
  }
  const Table table(
      {Made("", [](const json::value& row) { return IsTrue(row, "inUse") ? "*" : ""; }),
       Name(Field("PROFILE", "name")), Field("ENDPOINT", "endpoint")},
      rows);
  Show(session, Page(json::object{{"profiles", std::move(rows)}}).Add(table));
  return 0;
}

Status Use(Profiles& profiles, const std::string& name) {
  RETURN_IF_ERROR(EndpointOf(profiles, name).status());
  profiles.in_use = name;
  return OkStatus();
}

Status Set(Profiles& profiles, const std::string& name, const std::string& endpoint) {
  if (!IsName(name)) return InvalidArgument("`{}` is no name: letters, digits, `_` and `-`", name);
  if (!IsEndpoint(endpoint))
    return InvalidArgument("`{}` is no endpoint such as http://10.0.0.7:9644", endpoint);
  profiles.endpoints[name] = endpoint;
  return OkStatus();
}

Status Delete(Profiles& profiles, const std::string& name) {
  RETURN_IF_ERROR(EndpointOf(profiles, name).status());
  profiles.endpoints.erase(name);
  if (profiles.in_use == name) profiles.in_use.clear();
  return OkStatus();
}

}  // namespace

std::string ProfilesPath() {
  const std::string home = Variable("HOME");
  std::string base = Variable("XDG_CONFIG_HOME");
  if (base.empty() && !home.empty()) base = JoinPath(home, ".config");
  return base.empty() ? base : JoinPath(base, "atoll/profiles.yaml");
}

StatusOr<Profiles> LoadProfiles(FileSystem& files, const std::string& path) {
  Profiles profiles;
  if (path.empty()) return profiles;
  ASSIGN_OR_RETURN(const bool exists, files.Exists(path));
  if (!exists) return profiles;
  ASSIGN_OR_RETURN(const Bytes bytes, ReadWholeFile(files, path, kMostBytes));
  std::vector<config::Problem> problems;
  const std::vector<config::YamlNode> documents = config::ParseYaml(path, AsText(bytes), problems);
  if (!problems.empty()) return InvalidArgument("{}", problems[0].ToString());
  if (documents.empty()) return profiles;
  if (const auto* in_use = documents[0].Find("inUse")) profiles.in_use = in_use->value.text;
  if (const auto* all = documents[0].Find("profiles")) {
    for (const auto& entry : all->value.entries) profiles.endpoints[entry.key] = entry.value.text;
  }
  return profiles;
}

Status SaveProfiles(FileSystem& files, const std::string& path, const Profiles& profiles) {
  std::string text = "# Written by `atoll profile`.\n";
  if (!profiles.in_use.empty()) text += fmt::format("inUse: \"{}\"\n", profiles.in_use);
  text += profiles.endpoints.empty() ? "profiles: {}\n" : "profiles:\n";
  for (const auto& [name, endpoint] : profiles.endpoints)
    text += fmt::format("  \"{}\": \"{}\"\n", name, endpoint);
  RETURN_IF_ERROR(files.CreateFolders(ParentPath(path)));
  return WriteWholeFile(files, path, AsBytes(text));
}

StatusOr<std::string> EndpointOf(const Profiles& profiles, const std::string& name) {
  const auto found = profiles.endpoints.find(name);
  if (found != profiles.endpoints.end()) return found->second;
  return NotFound("no profile `{}`\n  atoll profile set {} --endpoint http://HOST:PORT", name,
                  name);
}

StatusOr<std::string> ChooseEndpoint(const Whereto& said, FileSystem& files,
                                     const std::string& path) {
  if (!said.endpoint.empty()) return said.endpoint;
  if (said.profile.empty() && !said.endpoint_variable.empty()) return said.endpoint_variable;
  ASSIGN_OR_RETURN(const Profiles profiles, LoadProfiles(files, path));
  if (!said.profile.empty()) return EndpointOf(profiles, said.profile);
  if (!said.profile_variable.empty()) return EndpointOf(profiles, said.profile_variable);
  if (!profiles.in_use.empty()) return EndpointOf(profiles, profiles.in_use);
  return std::string(kThisMachine);
}

Api ApiOf(const Session& session) {
  const Whereto said{session.endpoint, session.profile, Variable("ATOLL_ENDPOINT"),
                     Variable("ATOLL_PROFILE")};
  return Api(ChooseEndpoint(said, PosixFileSystem(), ProfilesPath()));
}

void AddProfileCommands(CLI::App& app, Session& session) {
  CLI::App* noun = app.add_subcommand("profile", "Regions by name, instead of --endpoint");
  noun->require_subcommand(1);
  CLI::App* list = noun->add_subcommand("list", "All profiles; * is the one in use");
  AddOutputOptions(*list, session);
  list->callback([&session] { session.exit_code = List(session); });

  auto name = std::make_shared<std::string>();
  auto endpoint = std::make_shared<std::string>();
  CLI::App* set = noun->add_subcommand("set", "Add a profile, or change it");
  set->add_option("name", *name, "Its name")->required();
  set->add_option("--endpoint", *endpoint, "Admin API of the region")->required();
  set->callback([&session, name, endpoint] {
    session.exit_code = Change([&](Profiles& all) { return Set(all, *name, *endpoint); });
  });
  CLI::App* use = noun->add_subcommand("use", "From now on commands go there");
  use->add_option("name", *name, "Its name")->required();
  use->callback([&session, name] {
    session.exit_code = Change([&](Profiles& all) { return Use(all, *name); });
  });
  CLI::App* remove = noun->add_subcommand("delete", "Forget a profile");
  remove->add_option("name", *name, "Its name")->required();
  remove->callback([&session, name] {
    session.exit_code = Change([&](Profiles& all) { return Delete(all, *name); });
  });
}

}  // namespace atl::cli
