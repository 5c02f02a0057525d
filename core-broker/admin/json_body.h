// JSON in and out of a route: reads the object of a request's body with bounds on its depth, and
// writes the body of a reply. Used by whoever registers routes.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>

#include "base/status.h"
#include "core-broker/admin/router.h"

namespace atl::broker {

// kInvalidArgument with the place when it is not one JSON object; an empty body is an empty object.
StatusOr<boost::json::object> ParseJsonObject(std::string_view body);

// A member's text or number; kInvalidArgument when it is there with another type.
StatusOr<std::string> TextMember(const boost::json::object& object, std::string_view name,
                                 std::string_view otherwise);
StatusOr<int64_t> IntegerMember(const boost::json::object& object, std::string_view name,
                                int64_t otherwise);

// One line.
HttpReply JsonReply(const boost::json::value& body, int status = 200);
// Boost's string view is not std's.
boost::json::string JsonText(std::string_view text);

}  // namespace atl::broker
