#include "mirror/control/control_plane.h"

#include <utility>

#include "base/check.h"
#include "mirror/control/codec.h"
#include "mirror/control/shell.h"

namespace atl::mirror {

ControlPlane::ControlPlane(Options options, Metrics& metrics, const Clock& clock)
    : shell_(std::make_unique<Shell>(std::move(options), metrics, clock)) {}

ControlPlane::~ControlPlane() { Stop(); }

Status ControlPlane::Open() { return shell_->Open(); }

int ControlPlane::port() const { return shell_->port(); }

Status ControlPlane::CheckListener() const { return shell_->CheckListener(); }

void ControlPlane::Start(ControlHandlers handlers) { shell_->Start(std::move(handlers)); }

void ControlPlane::Stop() { shell_->Stop(); }

void ControlPlane::SetLinks(std::vector<config::Link> links) {
  CHECK(!shell_->is_current(), "the control reactor can't wait for itself");
  shell_->SetLinks(std::move(links));
}

bool ControlPlane::Send(const RegionName& peer, const ControlMessage& message) {
  const std::shared_ptr<Outgoing> outgoing = shell_->book().Find(peer);
  if (outgoing == nullptr) return false;
  StatusOr<std::string> frame = EncodeMessage(message);
  if (!frame.ok()) {
    LogError("mirror", "control: a message to {}: {}", peer.value(), StatusMessage(frame.status()));
    return false;
  }
  return outgoing->Push(*std::move(frame));
}

void ControlPlane::Broadcast(const ControlMessage& message) {
  const StatusOr<std::string> frame = EncodeMessage(message);
  if (!frame.ok()) {
    return LogError("mirror", "control: a message to all: {}", StatusMessage(frame.status()));
  }
  for (const auto& outgoing : shell_->book().All()) (void)outgoing->Push(*frame);
}

StatusOr<ControlAnswer> ControlPlane::Call(const RegionName& peer, const ControlRequest& request,
                                           Duration deadline) {
  CHECK(!shell_->is_current(), "the control reactor can't wait for itself");
  const std::shared_ptr<Outgoing> outgoing = shell_->book().Find(peer);
  if (outgoing == nullptr) {
    return Unavailable("{}: not connected: {}", peer.value(), shell_->book().reason(peer));
  }
  Calls& calls = shell_->calls();
  const uint64_t number = calls.Begin(outgoing->session(), shell_->clock().Now() + deadline);
  StatusOr<std::string> frame = EncodeRequest(number, request);
  if (!frame.ok()) {
    calls.Drop(number);
    return frame.status();
  }
  if (!outgoing->Push(*std::move(frame))) {
    calls.Drop(number);
    return Unavailable("{}: the connection is lost", peer.value());
  }
  StatusOr<ControlAnswer> answer = calls.Await(number);
  if (!answer.ok()) return Annotate(answer.status(), peer.value());
  return answer;
}

std::vector<PeerStatus> ControlPlane::peers() const { return shell_->book().peers(); }

}  // namespace atl::mirror
