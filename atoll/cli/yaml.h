// A document of the API as YAML: blocks, plain where every reader takes the text for a text, else
// in double quotes as JSON has them.
#pragma once

#include <boost/json/value.hpp>
#include <string>

namespace atl::cli {

std::string ToYaml(const boost::json::value& document);

}  // namespace atl::cli
