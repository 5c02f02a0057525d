// The control plane of this region: a WebSocket to each region that one of our links names a
// control address of (dialled by us, redialled with backoff) or that pulls from here (accepted by
// the third listener); one per pair of regions, whoever dialled. Frames are protobuf
// (control.proto), versioned; an unknown message is skipped. Regions are known by name.
//
// Threads: Send, Broadcast, Call and peers() from any thread; Call blocks and must not run on a
// reactor. Handlers run on the control reactor, one at a time, in the order of arrival per
// connection, and must not block; requests are answered through their reply, from any thread,
// once. Nothing is queued for a peer that is not connected: whoever needs certainty calls, and
// whoever gossips sends its state anew in OnConnected.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/status.h"
#include "base/types.h"
#include "mirror/control/messages.h"
#include "region-config/link.h"
#include "region-config/region.h"
#include "runtime/reactor.h"

namespace atl::mirror {

struct PeerStatus {
  RegionName region;
  RegionOrdinal ordinal;
  LinkName link;  // Ours to it; empty: it only dials us.
  bool connected = false;
  std::string reason;  // Not connected: why (refused, unreachable, ...), for people.
  std::optional<WallTime> last_heard;
  std::string software;                 // As it said last: "atoll 0.3.0".
  std::optional<Duration> rtt;          // Of the last heartbeat.
  std::optional<Duration> clock_ahead;  // Its clock before ours, by the same heartbeat.
};

// Set before Start; constant after.
struct ControlHandlers {
  using Reply = std::function<void(StatusOr<ControlAnswer>)>;
  std::function<Hello()> make_hello;  // Topics included; `link`, `instance`: by the plane.
  // After both hellos. The peer's is in `hello`.
  std::function<void(const Hello& hello)> on_connected;
  std::function<void(const RegionName& peer)> on_disconnected;
  std::function<void(const RegionName& peer, ControlMessage message)> on_message;
  std::function<void(const RegionName& peer, ControlRequest request, Reply reply)> on_request;
  // Called on the control reactor at these periods from Start to Stop.
  struct Periodic {
    Duration every{};
    std::function<void()> run;
  };
  std::vector<Periodic> periodic;
};

class ControlPlane {
 public:
  struct Options {
    Hello self;  // Who we are; topics and link empty.
    std::optional<config::ControlListener> listener;
    std::vector<config::Link> links;  // At the start; those without a control address are ignored.
    Duration heartbeat = std::chrono::seconds(1);
    Duration silence = std::chrono::seconds(5);  // Without a byte: the connection is dead.
    uint64_t seed = 1;
  };
  ControlPlane(Options options, Metrics& metrics, const Clock& clock);
  ~ControlPlane();

  // Binds; port 0 is the system's choice, see port().
  Status Open();
  int port() const;  // 0: no listener.
  // Whether other regions can dial this one, and why not; OK without a listener.
  Status CheckListener() const;
  void Start(ControlHandlers handlers);
  void Stop();
  // A reload: dials what is new or changed, leaves what is gone. Peers of such links are connected
  // anew, so that they tell their whole state. Between Start and Stop, from another thread.
  void SetLinks(std::vector<config::Link> links);

  // False: not connected, or its queue is full (the connection is then closed, so that both sides
  // begin anew with a whole state).
  bool Send(const RegionName& peer, const ControlMessage& message);
  void Broadcast(const ControlMessage& message);
  // kUnavailable: no connection, or lost before the answer; kDeadlineExceeded. What the peer did is
  // then unknown: requests are idempotent, repeat them.
  StatusOr<ControlAnswer> Call(const RegionName& peer, const ControlRequest& request,
                               Duration deadline);
  std::vector<PeerStatus> peers() const;

 private:
  class Shell;
  std::unique_ptr<Shell> shell_;
};

}  // namespace atl::mirror
