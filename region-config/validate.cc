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

struct Listener {
  std::string_view path;  // Of its bind.
  std::string_view whose;
  const Endpoint* bind;
};

void CheckPorts(const Located<Region>& region, const std::vector<Listener>& listeners,
                std::vector<Problem>& problems) {
  for (size_t i = 1; i < listeners.size(); ++i) {
    const Endpoint& bind = *listeners[i].bind;
    const auto taken =
        std::find_if(listeners.begin(), listeners.begin() + static_cast<std::ptrdiff_t>(i),
                     [&bind](const Listener& other) {
                       const bool overlap = other.bind->host == bind.host ||
                                            IsWildcard(other.bind->host) || IsWildcard(bind.host);
                       return bind.port != 0 && other.bind->port == bind.port && overlap;
                     });
    if (taken == listeners.begin() + static_cast<std::ptrdiff_t>(i)) continue;
    problems.push_back({region.At(listeners[i].path), std::string(listeners[i].path),
                        fmt::format("port {} is the {} listener's", bind.port, taken->whose)});
  }
}

void CheckAdvertised(const Located<Region>& region, std::string_view path,
                     const Endpoint& advertise, std::string_view whom,
                     std::vector<Problem>& problems) {
  if (!region.fields.contains(path) || !IsWildcard(advertise.host)) return;
  problems.push_back(
      {region.At(path), std::string(path),
       fmt::format("`{}` is no address that {} can connect to", advertise.ToString(), whom)});
}

void CheckControl(const Located<Region>& region, std::vector<Problem>& problems) {
  const ControlListener& control = *region.value.control;
  constexpr std::string_view kBind = "spec.listeners.control.bind";
  constexpr std::string_view kAdvertise = "spec.listeners.control.advertise";
  if (!region.fields.contains(kBind))
    problems.push_back({region.At(kAdvertise), std::string(kBind),
                        "is required (host:port) where `advertise` is written"});
  CheckExposure(region, kBind, control.bind, problems);
  CheckAdvertised(region, kAdvertise, control.advertise, "another region", problems);
}

// A forgotten list of endpoints must not make operator mode of what was meant to be lease mode.
void CheckLease(const Located<Region>& region, std::vector<Problem>& problems) {
  for (const std::string_view path : {"spec.lease.prefix", "spec.lease.ttl"}) {
    if (region.value.lease.enabled() || !region.fields.contains(path)) continue;
    if (region.fields.contains("spec.lease.etcd")) return;  // Its own problem is said.
    problems.push_back(
        {region.At(path), "spec.lease.etcd", "is required (list of host:port) in lease mode"});
    return;
  }
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
  CheckAdvertised(region, "spec.listeners.kafka.advertise", region.value.kafka.advertise,
                  "a client", problems);
  std::vector<Listener> listeners = {{"spec.listeners.kafka.bind", "Kafka", &kafka},
                                     {"spec.listeners.admin.bind", "admin", &admin}};
  if (region.value.control) {
    CheckControl(region, problems);
    listeners.push_back({"spec.listeners.control.bind", "control", &region.value.control->bind});
  }
  CheckPorts(region, listeners, problems);
  CheckLease(region, problems);
}

void CheckLink(const Located<Link>& link, const Located<Region>& region,
               std::vector<Problem>& problems) {
  const RegionName& source = link.value.source.region;
  if (!source.empty() && source == region.value.name)
    problems.push_back(
        {link.At("spec.source.region"), "spec.source.region",
         fmt::format("`{}` is this region itself; a link pulls from another one", source.value())});
  if (link.value.source.control && link.value.source.kind == SourceKind::kKafka)
    problems.push_back({link.At("spec.source.control"), "spec.source.control",
                        "an Apache Kafka cluster has no control plane; leave it out"});
  if (!link.value.naming_prefix.empty() && !link.value.target_topic.empty())
    problems.push_back({link.At("spec.naming.prefix"), "spec.naming.prefix",
                        fmt::format("all topics flow into `{}` (target.topic); a prefix has no "
                                    "name to go before",
                                    link.value.target_topic.value())});
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
