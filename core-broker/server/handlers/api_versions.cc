#include "core-broker/server/handlers/api_versions.h"

#include <algorithm>
#include <utility>

namespace atl::broker {
namespace {

constexpr int16_t kFirstVersionWithSoftware = 3;

bool IsAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// [a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?
bool IsSoftwareName(std::string_view text) {
  return !text.empty() && IsAlphanumeric(text.front()) && IsAlphanumeric(text.back()) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return IsAlphanumeric(c) || c == '-' || c == '.'; });
}

}  // namespace

void AnswerApiVersions(Exchange& exchange, const kafka::ApiVersionsRequest& request,
                       std::vector<kafka::ApiVersion> served) {
  kafka::ApiVersionsResponse response;
  if (exchange.version() >= kFirstVersionWithSoftware &&
      !(IsSoftwareName(request.client_software_name) &&
        IsSoftwareName(request.client_software_version))) {
    response.error_code = kafka::ErrorCode::kInvalidRequest;
  } else {
    response.api_keys = std::move(served);
  }
  exchange.Reply(response);
}

}  // namespace atl::broker
