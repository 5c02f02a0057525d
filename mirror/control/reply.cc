#include "mirror/control/reply.h"

#include "base/logging.h"
#include "mirror/control/codec.h"

namespace atl::mirror {

ReplyOnce::~ReplyOnce() {
  if (!answered_.load()) Answer(Unavailable("the request was dropped"));
}

void ReplyOnce::Answer(const StatusOr<ControlAnswer>& answer) {
  if (answered_.exchange(true)) {
    return LogError("mirror", "control: request {} was answered twice; the first stands", number_);
  }
  outgoing_->CloseRequest();
  StatusOr<std::string> frame = EncodeAnswer(number_, answer);
  if (!frame.ok()) frame = EncodeAnswer(number_, frame.status());
  if (frame.ok()) (void)outgoing_->Push(*std::move(frame));
}

}  // namespace atl::mirror
