// The control plane behind its header: the acceptor, a dialler per link, the sessions of both, and
// the place of each peer. Everything but the locked parts (PeerBook, Calls, Outgoing) is on the
// control reactor. Only control_plane.cc and shell.cc include this.
//
// One connection per peer: a second one is refused, except that the one dialled by the lower
// ordinal wins when both processes dialled each other, and a silent one gives way. So what a peer
// sends has one order.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/logging.h"
#include "base/random.h"
#include "mirror/control/calls.h"
#include "mirror/control/control_plane.h"
#include "mirror/control/listening.h"
#include "mirror/control/peers.h"
#include "mirror/control/session.h"

namespace atl::mirror {

class ControlPlane::Shell final : public SessionHost {
 public:
  // More are closed as they come: those that have not said hello, and all.
  static constexpr size_t kMaxStrangers = 64;
  static constexpr size_t kMaxSessions = 320;

  Shell(Options options, Metrics& metrics, const Clock& clock);
  ~Shell() override;

  Status Open();
  int port() const;
  Status CheckListener() const;
  void Start(ControlHandlers handlers);
  void Stop();
  void SetLinks(std::vector<config::Link> links);

  const Options& options() const { return options_; }
  const Clock& clock() const { return clock_; }
  bool is_current() const { return reactor_.is_current(); }
  PeerBook& book() { return book_; }
  Calls& calls() { return calls_; }

  // SessionHost
  Hello MakeHello(const LinkName& link) override;
  Status Admit(Session& session, const Hello& hello) override;
  void OnConnected(Session& session, const Hello& hello) override;
  void OnMessage(Session& session, ControlMessage message) override;
  void OnRequest(Session& session, uint64_t number, ControlRequest request) override;
  void OnAnswer(Session& session, uint64_t number, StatusOr<ControlAnswer> answer) override;
  void OnRoundTrip(Session& session, const RoundTrip& trip) override;
  void OnHeard(Session& session) override;
  void OnLeft(Session& session) override;

 private:
  class StartTask;
  using Links = PeerBook::Links;
  struct Dialler {
    config::Link link;
    std::shared_ptr<bool> wanted;  // False: its task ends at its next turn.
  };

  void StartDialler(const config::Link& link);
  void Redial(const Links& links);
  runtime::awaitable<void> Accept();
  runtime::awaitable<void> DialLink(config::Link link, Random random,
                                    std::shared_ptr<const bool> wanted);
  runtime::awaitable<void> RunAccepted(std::shared_ptr<Session> session);
  runtime::awaitable<void> Watch();
  runtime::awaitable<void> Repeat(const ControlHandlers::Periodic* periodic);
  std::shared_ptr<Session> MakeSession(runtime::tcp::socket socket, Session::Side side,
                                       const LinkName& link, std::string address);
  bool IsFull() const;
  Status AdmitBeside(Session& old, Session& fresh, const Hello& hello);
  void CloseAll();
  void Collect(std::vector<MetricFamily>& out) const;

  const Options options_;
  const Clock& clock_;
  const Duration tick_;
  PeerBook book_;
  Calls calls_;
  ControlHandlers handlers_;  // Constant after Start().
  runtime::Reactor reactor_{"control"};
  runtime::TaskGroup tasks_;
  runtime::tcp::acceptor acceptor_;
  bool started_ = false;
  Listening listening_;

  // On the reactor.
  Random random_;
  const uint64_t instance_;  // Of this process, in every hello.
  uint64_t last_session_ = 0;
  std::map<uint64_t, std::shared_ptr<Session>> sessions_;
  std::map<RegionName, std::shared_ptr<Session>> places_;  // Of connected peers.
  std::map<LinkName, Dialler> diallers_;
  LogThrottle refused_log_{std::chrono::seconds(10)};
  LogThrottle answer_log_{std::chrono::seconds(10)};
  // By link, for those that have a control address; constant, each thread-safe.
  std::map<LinkName, std::unique_ptr<Histogram>> round_trips_;
  std::shared_ptr<void> collector_;  // Goes first.
};

}  // namespace atl::mirror
