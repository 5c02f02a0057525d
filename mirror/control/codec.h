// The messages of the control plane as bytes and back. Bytes come from a peer and are trusted like
// a client's: sizes and counts are limited before anything is allocated for them (frame_limits.h),
// texts, names, ids, offsets, epochs and ordinals are checked, and a violation is kInvalidArgument
// that says where ("hello.topics[3].name: ..."). Pure functions, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "mirror/control/frame_limits.h"
#include "mirror/control/messages.h"

namespace atl::mirror {

inline constexpr int32_t kControlVersion = 1;

// A kind that a newer peer has and we don't: skipped; as a request it is answered with
// kUnimplemented.
struct UnknownKind {};

struct ControlFrame {
  int32_t version = 0;
  uint64_t request = 0;  // Not 0: to be answered under this number.
  uint64_t answers = 0;  // Not 0: of the request that this answers.
  std::variant<UnknownKind, ControlMessage, ControlRequest, StatusOr<ControlAnswer>> body;
};

// kResourceExhausted: larger than a frame may be, in bytes or rows.
StatusOr<std::string> EncodeMessage(const ControlMessage& message);
// A hello and, where one frame can't hold all its topics, OwnershipNews behind it.
std::vector<std::string> EncodeHello(Hello hello);
StatusOr<std::string> EncodeRequest(uint64_t number, const ControlRequest& request);
// An error is sent as its code and message.
StatusOr<std::string> EncodeAnswer(uint64_t number, const StatusOr<ControlAnswer>& answer);
StatusOr<ControlFrame> DecodeFrame(BytesView bytes);

}  // namespace atl::mirror
