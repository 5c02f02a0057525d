// Values as YAML on one line, such that reading gives the same value again: what the table's
// `write` functions are made of. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/types.h"
#include "region-config/link.h"
#include "region-config/region.h"

namespace atl::config {

// In double quotes, as YAML and JSON have it.
std::string Quote(std::string_view text);
// The same; empty stays empty (unset).
std::string WriteText(std::string_view text);
// Bare where YAML would not take it for something else.
std::string WriteName(std::string_view name);
std::string WriteBoolean(bool value);
std::string WriteLength(Duration length);  // In the largest unit that divides it.
std::string WriteSize(ByteCount size);
std::string WriteTime(Timestamp time);
std::string WriteEndpoint(const Endpoint& endpoint);  // Empty host: unset.
std::string WriteEndpoints(const std::vector<Endpoint>& endpoints);
std::string WriteRules(const std::vector<TopicRule>& rules);
std::string WriteOwnership(const std::vector<OwnershipRule>& rules);

}  // namespace atl::config
