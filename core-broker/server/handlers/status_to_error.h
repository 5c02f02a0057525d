// The one seam between the two vocabularies of errors: a Status from below becomes what a Kafka
// client can tell apart. What is lost on the way is logged here, once per place and second at most.
// Any thread.
#pragma once

#include <string_view>

#include "base/status.h"
#include "kafka/wire/error_code.h"

namespace atl::broker {

// `what` names the request and its object, for the log. OK is kNone.
kafka::ErrorCode ToErrorCode(const Status& status, std::string_view what);

}  // namespace atl::broker
