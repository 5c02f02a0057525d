#include "region-config/region.h"

#include <fmt/format.h>

namespace atl::config {

std::string Endpoint::ToString() const {
  const bool ipv6 = host.find(':') != std::string::npos;
  return ipv6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

}  // namespace atl::config
