// Reads the JSON object of a request's body with bounds on its depth. Used by whoever registers
// routes that take one.
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "base/status.h"

namespace atl::broker {

// kInvalidArgument with the place when it is not one JSON object; an empty body is an empty object.
StatusOr<boost::json::object> ParseJsonObject(std::string_view body);

// A member's text or number; kInvalidArgument when it is there with another type.
StatusOr<std::string> TextMember(const boost::json::object& object, std::string_view name,
                                 std::string_view otherwise);
StatusOr<int64_t> IntegerMember(const boost::json::object& object, std::string_view name,
                                int64_t otherwise);

}  // namespace atl::broker
