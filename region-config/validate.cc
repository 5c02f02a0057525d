#include "region-config/validate.h"

#include <fmt/format.h>

#include <algorithm>

namespace atl::config {
namespace {

bool IsLoopback(std::string_view host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}
bool IsWildcard(std::string_view host) { return host == "0.0.0.0" || host == "::"; }

std::string Place(const Position& position) {
  return fmt::format("{}:{}:{}", position.file, position.line, position.column);
}

void CheckExposure(const Located<Region>& region, std::string_view path, const Endpoint& bind,
                   std::vector<Problem>& problems) {
  if (region.value.insecure || bind.host.empty() || IsLoopback(bind.host)) return;
  problems.push_back(
      {region.At(path), std::string(path),
       fmt::format("`{}` can be reached from other machines, and nothing is authenticated or "
                   "encrypted yet; bind to 127.0.0.1, or write `insecure: true` in spec if this "
                   "network is trusted",
                   bind.ToString())});
}

void CheckRegion(const Located<Region>& region, std::vector<Problem>& problems) {
  const Endpoint& kafka = region.value.kafka.bind;
  const Endpoint& admin = region.value.admin.bind;
  CheckExposure(region, "spec.listeners.kafka.bind", kafka, problems);
  CheckExposure(region, "spec.listeners.admin.bind", admin, problems);
  const bool advertised = region.fields.contains("spec.listeners.kafka.advertise");
  if (IsWildcard(kafka.host) && !advertised)
    problems.push_back({region.At("spec.listeners.kafka.bind"), "spec.listeners.kafka.bind",
                        fmt::format("`{}` is every address of this machine, so clients need "
                                    "`advertise: host:port`, the one to connect to",
                                    kafka.ToString())});
  if (advertised && IsWildcard(region.value.kafka.advertise.host))
    problems.push_back({region.At("spec.listeners.kafka.advertise"),
                        "spec.listeners.kafka.advertise",
                        fmt::format("`{}` is no address that a client can connect to",
                                    region.value.kafka.advertise.ToString())});
  const bool overlap = kafka.host == admin.host || IsWildcard(kafka.host) || IsWildcard(admin.host);
  if (kafka.port != 0 && kafka.port == admin.port && overlap)
    problems.push_back({region.At("spec.listeners.admin.bind"), "spec.listeners.admin.bind",
                        fmt::format("port {} is the Kafka listener's", admin.port)});
}

void CheckLink(const Located<Link>& link, const Located<Region>& region,
               std::vector<Problem>& problems) {
  const RegionName& source = link.value.source.region;
  if (!source.empty() && source == region.value.name)
    problems.push_back(
        {link.At("spec.source.region"), "spec.source.region",
         fmt::format("`{}` is this region itself; a link pulls from another one", source.value())});
}

}  // namespace

void Validate(const std::vector<Located<Region>>& regions, const std::vector<Located<Link>>& links,
              std::vector<Problem>& problems) {
  for (size_t i = 1; i < regions.size(); ++i)
    problems.push_back({regions[i].start, "",
                        fmt::format("a second Region; a process is one region, and {} has it",
                                    Place(regions[0].start))});
  for (const Located<Region>& region : regions) CheckRegion(region, problems);
  std::map<std::string, Position> names;
  for (const Located<Link>& link : links) {
    if (!regions.empty()) CheckLink(link, regions[0], problems);
    const Position place = link.At("metadata.name");
    if (link.value.name.empty()) continue;
    const auto [first, added] = names.emplace(link.value.name.value(), place);
    if (!added)
      problems.push_back({place, "metadata.name",
                          fmt::format("link `{}` is already at {}", link.value.name.value(),
                                      Place(first->second))});
  }
}

}  // namespace atl::config
