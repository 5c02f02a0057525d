#include "mirror/control/shell.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <set>
#include <utility>

#include "core-broker/admin/acceptor.h"
#include "mirror/control/dial.h"
#include "mirror/control/reply.h"
#include "runtime/backoff.h"
#include "runtime/timer.h"

namespace atl::mirror {
namespace {

using runtime::awaitable;
using runtime::kToken;

constexpr Duration kAcceptPause = std::chrono::milliseconds(100);
constexpr Duration kFirstRedial = std::chrono::milliseconds(200);
constexpr Duration kLastRedial = std::chrono::seconds(10);
constexpr Duration kSlowestTick = std::chrono::milliseconds(100);
// Seconds: from one host to round the world, and a line in trouble.
const Histogram::BucketBoundaries kRoundTripBuckets{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                    0.1,    0.2,   0.4,    0.8,   1.5,  3,     5};

std::string AddressOf(const runtime::tcp::socket& socket) {
  runtime::ErrorCode error;
  const auto peer = socket.remote_endpoint(error);
  if (error) return "unknown";
  return fmt::format("{}:{}", peer.address().to_string(), peer.port());
}

SessionTimes TimesOf(const ControlPlane::Options& options) {
  SessionTimes times;
  times.heartbeat = options.heartbeat;
  times.silence = options.silence;
  return times;
}

}  // namespace

class ControlPlane::Shell::StartTask final : public runtime::ReactorTask {
 public:
  explicit StartTask(Shell& shell) : shell_(shell) {}
  void RunOnReactor() override {
    shell_.tasks_.Spawn(shell_.Watch());
    for (const auto& periodic : shell_.handlers_.periodic)
      shell_.tasks_.Spawn(shell_.Repeat(&periodic));
    if (shell_.acceptor_.is_open()) {
      shell_.listening_.Begin();
      shell_.tasks_.Spawn(shell_.Accept());
    }
    const std::shared_ptr<const Links> links = shell_.book_.links();
    for (const config::Link& link : *links) shell_.StartDialler(link);
  }

 private:
  Shell& shell_;
};

ControlPlane::Shell::Shell(Options options, Metrics& metrics, const Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      tick_(std::min(kSlowestTick, options_.heartbeat / 4)),
      book_(options_.links),
      tasks_(reactor_, "control"),
      acceptor_(reactor_.context()),
      random_(options_.seed),
      instance_(random_.Next()) {
  for (const config::Link& link : options_.links) {
    if (link.source.control)
      round_trips_[link.name] = std::make_unique<Histogram>(kRoundTripBuckets);
  }
  collector_ = metrics.AddCollector([this](std::vector<MetricFamily>& out) { Collect(out); });
}

ControlPlane::Shell::~Shell() { collector_.reset(); }

// --- From outside ---

Status ControlPlane::Shell::Open() {
  if (!options_.listener) return OkStatus();
  const config::Endpoint& bind = options_.listener->bind;
  return broker::OpenAcceptor(acceptor_, bind.host, bind.port);
}

int ControlPlane::Shell::port() const {
  return acceptor_.is_open() ? acceptor_.local_endpoint().port() : 0;
}

Status ControlPlane::Shell::CheckListener() const {
  return options_.listener ? listening_.Check(clock_.Now()) : OkStatus();
}

void ControlPlane::Shell::Start(ControlHandlers handlers) {
  handlers_ = std::move(handlers);
  started_ = true;
  reactor_.Start();
  std::vector<std::unique_ptr<runtime::ReactorTask>> tasks;
  tasks.push_back(std::make_unique<StartTask>(*this));
  reactor_.Post(std::move(tasks));
}

void ControlPlane::Shell::Stop() {
  if (!std::exchange(started_, false)) return;
  calls_.Stop();
  boost::asio::post(reactor_.executor(), boost::asio::use_future([this] { CloseAll(); })).get();
  tasks_.StopFromOutside();
  reactor_.Stop();
}

void ControlPlane::Shell::SetLinks(Links links) {
  book_.SetLinks(std::move(links));
  const auto redial = [this] { Redial(*book_.links()); };
  boost::asio::post(reactor_.executor(), boost::asio::use_future(redial)).get();
}

void ControlPlane::Shell::StartDialler(const config::Link& link) {
  if (!link.source.control) return;
  const auto wanted = std::make_shared<bool>(true);
  diallers_[link.name] = {link, wanted};
  tasks_.Spawn(DialLink(link, random_.Fork(), wanted));
}

void ControlPlane::Shell::Redial(const Links& links) {
  std::set<RegionName> anew;
  for (auto it = diallers_.begin(); it != diallers_.end();) {
    const bool same = std::ranges::find(links, it->second.link) != links.end();
    if (!same) {
      *it->second.wanted = false;
      anew.insert(it->second.link.source.region);
    }
    it = same ? std::next(it) : diallers_.erase(it);
  }
  for (const config::Link& link : links) {
    if (diallers_.contains(link.name)) continue;
    if (link.source.control) anew.insert(link.source.region);
    StartDialler(link);
  }
  for (const RegionName& region : anew) {
    const auto place = places_.find(region);
    if (place == places_.end()) continue;
    const std::shared_ptr<Session> session = place->second;
    session->Close("the links between us are configured anew");
  }
}

void ControlPlane::Shell::CloseAll() {
  runtime::ErrorCode ignored;
  listening_.End();
  acceptor_.close(ignored);
  const auto sessions = sessions_;
  for (const auto& [number, session] : sessions) session->Close("this region is stopping");
}

void ControlPlane::Shell::Collect(std::vector<MetricFamily>& out) const {
  FamilyBuilder connected("atoll_link_control_connected",
                          "1 while the link's source is connected over the control plane.");
  MetricFamily rtt{"atoll_link_rtt_seconds",
                   "Round trips of heartbeats to the link's source, while it is connected.",
                   prometheus::MetricType::Histogram,
                   {}};
  const std::vector<PeerStatus> peers = book_.peers();
  const std::shared_ptr<const Links> all = book_.links();
  for (const config::Link& link : *all) {
    if (!link.source.control) continue;
    const auto peer = std::find_if(peers.begin(), peers.end(), [&link](const PeerStatus& one) {
      return one.region == link.source.region;
    });
    if (peer == peers.end()) continue;
    const Labels labels{{"link", link.name.value()}};
    connected.Add(labels, peer->connected ? 1 : 0);
    if (!peer->rtt) continue;
    rtt.metric.push_back(round_trips_.at(link.name)->Collect());
    rtt.metric.back().label.push_back({"link", link.name.value()});
  }
  std::move(connected).AppendTo(out);
  if (!rtt.metric.empty()) out.push_back(std::move(rtt));
}

// --- Tasks ---

bool ControlPlane::Shell::IsFull() const {
  const auto strangers = std::count_if(sessions_.begin(), sessions_.end(), [](const auto& entry) {
    return !entry.second->was_connected();
  });
  return sessions_.size() >= kMaxSessions || static_cast<size_t>(strangers) >= kMaxStrangers;
}

awaitable<void> ControlPlane::Shell::Accept() {
  for (;;) {
    auto accepted = co_await acceptor_.async_accept(kToken);
    auto& [error, socket] = accepted;
    if (tasks_.stopping() || !acceptor_.is_open()) co_return;
    if (error) {
      LogWarning("mirror", "control accept: {}", error.message());
      listening_.OnRefused(Unavailable("accept: {}", error.message()), clock_.Now());
      (void)co_await runtime::Sleep(kAcceptPause);
      continue;
    }
    if (IsFull()) continue;  // Closes the socket.
    std::string address = AddressOf(socket);
    tasks_.Spawn(RunAccepted(
        MakeSession(std::move(socket), Session::Side::kAccepted, LinkName(), std::move(address))));
  }
}

std::shared_ptr<Session> ControlPlane::Shell::MakeSession(runtime::tcp::socket socket,
                                                          Session::Side side, const LinkName& link,
                                                          std::string address) {
  const uint64_t number = ++last_session_;
  std::shared_ptr<Session> session = Session::Make({.reactor = reactor_,
                                                    .tasks = tasks_,
                                                    .clock = clock_,
                                                    .host = *this,
                                                    .times = TimesOf(options_),
                                                    .number = number,
                                                    .side = side,
                                                    .link = link,
                                                    .address = std::move(address)},
                                                   std::move(socket));
  sessions_.emplace(number, session);
  return session;
}

awaitable<void> ControlPlane::Shell::RunAccepted(std::shared_ptr<Session> session) {
  co_await Session::Run(session);
  sessions_.erase(session->number());
}

awaitable<void> ControlPlane::Shell::DialLink(config::Link link, Random random,
                                              std::shared_ptr<const bool> wanted) {
  runtime::Backoff backoff(kFirstRedial, kLastRedial, random);
  const RegionName peer = link.source.region;
  const config::Endpoint address = *link.source.control;
  while (*wanted) {
    Duration pause = kFirstRedial;
    if (!book_.connected(peer)) {
      StatusOr<runtime::tcp::socket> socket = co_await Dial(reactor_, address, options_.silence);
      if (!*wanted) co_return;
      if (socket.ok()) {
        const std::shared_ptr<Session> session =
            MakeSession(*std::move(socket), Session::Side::kDialled, link.name, address.ToString());
        co_await Session::Run(session);
        sessions_.erase(session->number());
        if (session->was_connected()) backoff.Reset();
        book_.SetReason(peer, session->reason());
      } else {
        const std::string reason(StatusMessage(socket.status()));
        if (book_.reason(peer) != reason)
          LogWarning("mirror", "control: link {}: {}", link.name.value(), reason);
        book_.SetReason(peer, reason);
      }
      pause = backoff.Next();
    }
    (void)co_await runtime::Sleep(pause);
  }
}

awaitable<void> ControlPlane::Shell::Watch() {
  for (;;) {
    (void)co_await runtime::Sleep(tick_);
    const auto sessions = sessions_;  // Who leaves may change it.
    for (const auto& [number, session] : sessions) session->Tick();
    calls_.Expire(clock_.Now());
  }
}

awaitable<void> ControlPlane::Shell::Repeat(const ControlHandlers::Periodic* periodic) {
  for (;;) {
    (void)co_await runtime::Sleep(periodic->every);
    periodic->run();
  }
}

// --- SessionHost ---

Hello ControlPlane::Shell::MakeHello(const LinkName& link) {
  Hello hello = handlers_.make_hello ? handlers_.make_hello() : options_.self;
  hello.link = link;
  hello.instance = instance_;
  return hello;
}

Status ControlPlane::Shell::Admit(Session& session, const Hello& hello) {
  RegionName expected;
  const std::shared_ptr<const Links> all = book_.links();
  for (const config::Link& link : *all) {
    if (session.side() == Session::Side::kDialled && link.name == session.link())
      expected = link.source.region;
  }
  RETURN_IF_ERROR(CheckHello(options_.self, hello, expected));
  RETURN_IF_ERROR(book_.CheckUnique(hello));
  const auto place = places_.find(hello.region);
  if (place != places_.end()) RETURN_IF_ERROR(AdmitBeside(*place->second, session, hello));
  places_[hello.region] = sessions_.at(session.number());
  return OkStatus();
}

Status ControlPlane::Shell::AdmitBeside(Session& old, Session& fresh, const Hello& hello) {
  const bool silent = clock_.Now() - old.last_byte() > 2 * options_.heartbeat;
  const bool ours_wins = options_.self.ordinal < hello.ordinal;
  const bool wins =
      old.side() != fresh.side() && (fresh.side() == Session::Side::kDialled) == ours_wins;
  const bool other_process = old.instance() != hello.instance;
  if (!silent && (other_process || !wins)) {
    return AlreadyExists("`{}` is connected already, from {}{}", hello.region.value(),
                         old.address(), other_process ? "; is this a copy of that region?" : "");
  }
  old.Refuse("another connection took the place of this one");
  return OkStatus();
}

void ControlPlane::Shell::OnConnected(Session& session, const Hello& hello) {
  book_.Connected(hello, session.outgoing(), clock_.WallNow());
  LogInfo("mirror", "control: connected with {} (ordinal {}, {}) at {}", hello.region.value(),
          hello.ordinal.value(), hello.software, session.address());
  if (handlers_.on_connected) handlers_.on_connected(hello);
}

void ControlPlane::Shell::OnMessage(Session& session, ControlMessage message) {
  if (handlers_.on_message) handlers_.on_message(session.peer(), std::move(message));
}

void ControlPlane::Shell::OnRequest(Session& session, uint64_t number, ControlRequest request) {
  if (!session.outgoing()->OpenRequest())
    return session.Refuse(fmt::format("more than {} requests at once", Outgoing::kMaxOpenRequests));
  const auto reply = std::make_shared<ReplyOnce>(session.outgoing(), number);
  if (!handlers_.on_request) return reply->Answer(Unimplemented("nobody serves requests here"));
  handlers_.on_request(session.peer(), std::move(request),
                       [reply](const StatusOr<ControlAnswer>& answer) { reply->Answer(answer); });
}

void ControlPlane::Shell::OnAnswer(Session& session, uint64_t number,
                                   StatusOr<ControlAnswer> answer) {
  if (calls_.Complete(session.number(), number, std::move(answer))) return;
  if (!answer_log_.Allow(clock_.Now())) return;
  LogWarning("mirror", "control: {} answers request {}, which is not open: ignored",
             session.peer().value(), number);
}

void ControlPlane::Shell::OnRoundTrip(Session& session, const RoundTrip& trip) {
  book_.Measured(session.peer(), trip);
  for (const config::Link& link : options_.links) {
    const bool measured = link.source.control && link.source.region == session.peer();
    if (measured) round_trips_.at(link.name)->Observe(ToSeconds(trip.rtt));
  }
}

void ControlPlane::Shell::OnHeard(Session& session) {
  book_.Heard(session.peer(), clock_.WallNow());
}

void ControlPlane::Shell::OnLeft(Session& session) {
  calls_.FailSession(session.number(), Unavailable("connection lost: {}", session.reason()));
  const auto place = places_.find(session.peer());
  const bool had_place = place != places_.end() && place->second->number() == session.number();
  if (!had_place) {
    if (!session.peer().empty()) book_.SetReason(session.peer(), session.reason());
    if (refused_log_.Allow(clock_.Now())) {
      LogWarning("mirror", "control: no connection with {} at {}: {} ({} such lines left out)",
                 session.peer().empty() ? "a stranger" : session.peer().value(), session.address(),
                 session.reason(), refused_log_.held_back());
    }
    return;
  }
  const std::shared_ptr<Session> kept = place->second;  // `session` is it.
  places_.erase(place);
  book_.Disconnected(session.peer(), session.reason());
  LogWarning("mirror", "control: connection with {} is over: {}", session.peer().value(),
             session.reason());
  if (handlers_.on_disconnected) handlers_.on_disconnected(session.peer());
}

}  // namespace atl::mirror
