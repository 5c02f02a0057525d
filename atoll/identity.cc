#include "atoll/identity.h"

#include <charconv>
#include <map>
#include <optional>
#include <sstream>

#include "base/logging.h"

namespace atl {
namespace {

using checkpoint::RegionIdentity;

constexpr ByteCount kMaxFile{64 << 10};

std::string Render(const RegionIdentity& identity) {
  return fmt::format(
      "# Written by atoll serve; identifies the region that this folder belongs to.\n"
      "version=1\ncluster.id={}\nnode.id={}\nregion={}\n",
      identity.cluster_id.ToString(), identity.ordinal.value(), identity.name.value());
}

StatusOr<RegionIdentity> Parse(const std::string& path, std::string_view text) {
  std::map<std::string, std::string> values;
  std::istringstream in{std::string(text)};
  for (std::string line; std::getline(in, line);) {
    const size_t equals = line.find('=');
    if (!line.starts_with('#') && equals != std::string::npos)
      values[line.substr(0, equals)] = line.substr(equals + 1);
  }
  const std::optional<Uuid> cluster = Uuid::Parse(values["cluster.id"]);
  const std::string& node = values["node.id"];
  int32_t ordinal = 0;
  const auto [end, error] = std::from_chars(node.data(), node.data() + node.size(), ordinal);
  if (!cluster || error != std::errc() || end != node.data() + node.size() ||
      values["region"].empty()) {
    return Corrupt(
        "{}: cluster.id, node.id or region is missing or damaged; restore the file, or remove it "
        "if the "
        "store beside it is whole",
        path);
  }
  return RegionIdentity{*cluster, RegionName(values["region"]), RegionOrdinal(ordinal)};
}

StatusOr<std::optional<RegionIdentity>> ReadFile(FileSystem& files, const std::string& path) {
  ASSIGN_OR_RETURN(const bool exists, files.Exists(path));
  if (!exists) return std::optional<RegionIdentity>();
  ASSIGN_OR_RETURN(const Bytes bytes, ReadWholeFile(files, path, kMaxFile));
  ASSIGN_OR_RETURN(const RegionIdentity identity, Parse(path, AsText(bytes)));
  return std::optional<RegionIdentity>(identity);
}

std::string Describe(const RegionIdentity& identity) {
  return fmt::format("region {} (ordinal {}, cluster {})", identity.name.value(),
                     identity.ordinal.value(), identity.cluster_id.ToString());
}

}  // namespace

StatusOr<IdentityOutcome> LoadIdentity(FileSystem& files, const std::string& data_folder,
                                       checkpoint::RegionTable& table, const RegionName& name,
                                       RegionOrdinal ordinal, Random& random) {
  const std::string path = JoinPath(data_folder, kIdentityFile);
  ASSIGN_OR_RETURN(const std::optional<RegionIdentity> in_file, ReadFile(files, path));
  ASSIGN_OR_RETURN(const std::optional<RegionIdentity> in_store, table.Identity());
  if (in_file && in_store && *in_file != *in_store) {
    return FailedPrecondition(
        "{} says {}, but the store beside it belongs to {}: one of them was copied from elsewhere",
        path, Describe(*in_file), Describe(*in_store));
  }
  IdentityOutcome outcome;
  outcome.is_new = !in_file && !in_store;
  outcome.store_lost = in_file && !in_store;
  outcome.identity = in_file    ? *in_file
                     : in_store ? *in_store
                                : RegionIdentity{Uuid::Generate(random), name, ordinal};
  if (outcome.identity.name != name || outcome.identity.ordinal != ordinal) {
    return FailedPrecondition(
        "dataDir {} belongs to {}, but the configuration says region {} (ordinal {}); give every "
        "region a dataDir of its own",
        data_folder, Describe(outcome.identity), name.value(), ordinal.value());
  }
  if (outcome.store_lost) {
    LogWarning("atoll", "{}: the store is new or was lost; topics are found again from their logs",
               data_folder);
  }
  if (!in_file) RETURN_IF_ERROR(WriteWholeFile(files, path, AsBytes(Render(outcome.identity))));
  if (!in_store) RETURN_IF_ERROR(table.PutIdentity(outcome.identity));
  return outcome;
}

}  // namespace atl
