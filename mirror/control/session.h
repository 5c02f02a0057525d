// One WebSocket between two regions, dialled by either: handshake, both hellos, then frames both
// ways until somebody leaves. Heartbeats measure the round trip and notice silence; every wait has
// a deadline, every frame a limit, and a peer that sends too much is hung up on with the reason.
//
// Lives on the control reactor; two tasks (Run and the writer) keep it alive. Leaving is one step:
// from then on nothing is delivered or queued, the host knows (OnLeft, once), and at most a Refusal
// still goes out.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/status.h"
#include "mirror/control/codec.h"
#include "mirror/control/outgoing.h"
#include "runtime/asio.h"
#include "runtime/task_group.h"
#include "runtime/timer.h"

namespace atl::mirror {

class Session;

// The plane, as its sessions see it. All on the control reactor.
class SessionHost {
 public:
  virtual ~SessionHost() = default;
  virtual Hello MakeHello(const LinkName& link) = 0;
  // Whether the peer may be who it says; when OK it has its place, and OnConnected follows.
  virtual Status Admit(Session& session, const Hello& hello) = 0;
  virtual void OnConnected(Session& session, const Hello& hello) = 0;
  virtual void OnMessage(Session& session, ControlMessage message) = 0;
  virtual void OnRequest(Session& session, uint64_t number, ControlRequest request) = 0;
  virtual void OnAnswer(Session& session, uint64_t number, StatusOr<ControlAnswer> answer) = 0;
  virtual void OnRoundTrip(Session& session, const RoundTrip& trip) = 0;
  virtual void OnHeard(Session& session) = 0;
  virtual void OnLeft(Session& session) = 0;
};

struct SessionTimes {
  Duration heartbeat = std::chrono::seconds(1);
  Duration silence = std::chrono::seconds(5);  // Without a byte; also for handshake and hello.
  Duration frame = std::chrono::seconds(60);   // From a frame's first byte to its last.
  Duration write = std::chrono::seconds(30);   // For the peer to take one frame.
  Duration linger = std::chrono::seconds(1);   // For a refusal to be read.
};

class Session final : public OutgoingOwner, public std::enable_shared_from_this<Session> {
 public:
  // A second's worth of messages, and what may come at once (a snapshot in parts).
  static constexpr double kMessagesPerSecond = 2000;
  static constexpr double kMessageBurst = 10'000;

  enum class Side { kDialled, kAccepted };
  struct Setup {
    runtime::Reactor& reactor;
    runtime::TaskGroup& tasks;
    const Clock& clock;
    SessionHost& host;
    SessionTimes times;
    uint64_t number = 0;
    Side side = Side::kAccepted;
    LinkName link;        // Of the dialling side.
    std::string address;  // The peer's, for logs.
  };
  static std::shared_ptr<Session> Make(Setup setup, runtime::tcp::socket socket);
  ~Session() override;

  // From the handshake to the end; returns when the socket is closed.
  static runtime::awaitable<void> Run(std::shared_ptr<Session> self);
  // Deadlines and heartbeats; to be called several times per heartbeat.
  void Tick();
  // Leaves, telling the peer why.
  void Refuse(const std::string& reason);
  // Leaves without a word.
  void Close(const std::string& reason);

  // OutgoingOwner
  void OnQueued() override { wake_.Set(); }
  void OnOverrun() override;

  const std::shared_ptr<Outgoing>& outgoing() const { return outgoing_; }
  uint64_t number() const { return setup_.number; }
  Side side() const { return setup_.side; }
  const LinkName& link() const { return setup_.link; }
  const std::string& address() const { return setup_.address; }
  // Empty before it said so.
  const RegionName& peer() const { return peer_; }
  // The peer's process.
  uint64_t instance() const { return instance_; }
  bool connected() const { return phase_ == Phase::kConnected; }
  bool was_connected() const { return was_connected_; }
  bool over() const { return phase_ == Phase::kClosed; }
  // Why it left.
  const std::string& reason() const { return reason_; }
  MonotonicTime last_byte() const { return last_byte_; }

 private:
  struct Wire;
  enum class Phase { kHandshake, kHello, kConnected, kLeaving, kClosed };

  Session(Setup setup, runtime::tcp::socket socket);
  MonotonicTime Now() const { return setup_.clock.Now(); }
  bool HasLeft() const { return phase_ == Phase::kLeaving || phase_ == Phase::kClosed; }
  void Leave(Phase phase, const std::string& reason);

  runtime::awaitable<bool> Handshake();
  runtime::awaitable<bool> AcceptHandshake();
  runtime::awaitable<bool> DialHandshake();
  // Reads one frame into the wire's buffer; false: it is over.
  runtime::awaitable<bool> ReadFrame();
  static runtime::awaitable<void> RunWriter(std::shared_ptr<Session> self);

  void SendHello();
  void OnFrame(BytesView bytes);
  void OnFirstFrame(ControlFrame frame);
  void OnBody(ControlFrame frame);
  void OnMessage(ControlMessage message);
  void OnHeartbeat(const Heartbeat& beat);
  void OnRefusal(const Refusal& refusal);
  void SendHeartbeat(MonotonicTime now);
  bool TakeToken(MonotonicTime now);

  const Setup setup_;
  const std::shared_ptr<Outgoing> outgoing_;
  const std::unique_ptr<Wire> wire_;
  runtime::Event wake_;  // Of the writer.
  Phase phase_ = Phase::kHandshake;
  bool was_connected_ = false;
  RegionName peer_;
  uint64_t instance_ = 0;
  std::string reason_;
  MonotonicTime phase_since_;
  MonotonicTime last_byte_;
  MonotonicTime frame_since_ = MonotonicTime::max();  // Of the frame that is coming in.
  MonotonicTime write_since_ = MonotonicTime::max();
  MonotonicTime next_beat_{};
  uint64_t last_beat_ = 0;
  std::deque<std::pair<uint64_t, MonotonicTime>> beats_;  // Not echoed yet.
  double tokens_ = kMessageBurst;
  MonotonicTime tokens_at_;
  bool skipped_ = false;  // An unknown kind was logged.
};

}  // namespace atl::mirror
