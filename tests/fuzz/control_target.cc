#include "base/check.h"
#include "mirror/control/codec.h"
#include "tests/fuzz/targets.h"

namespace atl::fuzz {
namespace {

// Encodes what was decoded; nothing for a kind that is skipped.
std::optional<std::string> Encode(const mirror::ControlFrame& frame) {
  StatusOr<std::string> bytes = NotFound("skipped");
  if (const auto* message = std::get_if<mirror::ControlMessage>(&frame.body))
    bytes = mirror::EncodeMessage(*message);
  if (const auto* request = std::get_if<mirror::ControlRequest>(&frame.body))
    bytes = mirror::EncodeRequest(frame.request, *request);
  if (const auto* answer = std::get_if<StatusOr<mirror::ControlAnswer>>(&frame.body))
    bytes = mirror::EncodeAnswer(frame.answers, *answer);
  if (!bytes.ok()) return std::nullopt;
  return *std::move(bytes);
}

}  // namespace

void ControlFrame(BytesView bytes) {
  const StatusOr<mirror::ControlFrame> frame = mirror::DecodeFrame(bytes);
  if (!frame.ok()) {
    CHECK(frame.status().code() == StatusCode::kInvalidArgument, "{}",
          StatusMessage(frame.status()));
    return;
  }
  const std::optional<std::string> once = Encode(*frame);
  if (!once) return;
  const StatusOr<mirror::ControlFrame> again = mirror::DecodeFrame(AsBytes(*once));
  CHECK(again.ok(), "what was encoded is not decoded: {}", StatusMessage(again.status()));
  CHECK(Encode(*again) == once, "a round trip changes the message");
}

}  // namespace atl::fuzz
