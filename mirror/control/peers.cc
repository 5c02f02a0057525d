#include "mirror/control/peers.h"

#include <algorithm>
#include <utility>

namespace atl::mirror {
namespace {

bool IsStranger(const PeerStatus& status) { return status.link.empty() && !status.connected; }

}  // namespace

Status CheckHello(const Hello& self, const Hello& peer, const RegionName& expected) {
  const std::string& name = peer.region.value();
  if (peer.version < 1) return FailedPrecondition("protocol version {}", peer.version);
  if (peer.region == self.region)
    return FailedPrecondition("`{}` is this region's own name: a link to itself, or a copy of it",
                              name);
  if (peer.cluster_id == self.cluster_id)
    return FailedPrecondition(
        "`{}` has the cluster id of `{}` ({}): one data folder is a copy of the other", name,
        self.region.value(), self.cluster_id);
  if (peer.ordinal == self.ordinal)
    return FailedPrecondition("`{}` has ordinal {} as `{}` has; each region needs its own", name,
                              peer.ordinal.value(), self.region.value());
  if (!expected.empty() && peer.region != expected)
    return FailedPrecondition("the region there is `{}`, the link's `source.region` is `{}`", name,
                              expected.value());
  return OkStatus();
}

std::shared_ptr<const PeerBook::Links> PeerBook::links() const {
  MutexLock lock(&mutex_);
  return links_;
}

void PeerBook::SetLinks(Links links) {
  auto fresh = std::make_shared<const Links>(std::move(links));
  MutexLock lock(&mutex_);
  links_ = std::move(fresh);
  for (auto& [region, peer] : peers_) peer.status.link = LinkName();
  for (const config::Link& link : *links_) {
    if (!link.source.control) continue;
    PeerStatus& status = peers_[link.source.region].status;
    status.region = link.source.region;
    if (status.link.empty()) status.link = link.name;
    if (!status.connected && status.reason.empty()) status.reason = "not tried yet";
  }
}

PeerBook::Peer& PeerBook::Entry(const RegionName& region) {
  const auto found = peers_.find(region);
  if (found != peers_.end()) return found->second;
  const auto stranger = [](const auto& entry) { return IsStranger(entry.second.status); };
  const auto strangers = static_cast<size_t>(std::count_if(peers_.begin(), peers_.end(), stranger));
  if (strangers >= kMaxStrangers) {
    // The one that was not heard for longest; never heard is before all others.
    const auto oldest =
        std::min_element(peers_.begin(), peers_.end(), [&](const auto& a, const auto& b) {
          const bool first = stranger(a);
          if (first != stranger(b)) return first;
          return a.second.status.last_heard < b.second.status.last_heard;
        });
    peers_.erase(oldest);
  }
  Peer& peer = peers_[region];
  peer.status.region = region;
  return peer;
}

Status PeerBook::CheckUnique(const Hello& hello) const {
  MutexLock lock(&mutex_);
  for (const auto& [name, peer] : peers_) {
    if (!peer.status.connected || name == hello.region) continue;
    if (peer.cluster_id == hello.cluster_id)
      return FailedPrecondition(
          "`{}` has the cluster id of `{}` ({}): one data folder is a copy of the other",
          hello.region.value(), name.value(), hello.cluster_id);
    if (peer.status.ordinal == hello.ordinal)
      return FailedPrecondition("`{}` has ordinal {} as `{}` has; each region needs its own",
                                hello.region.value(), hello.ordinal.value(), name.value());
  }
  return OkStatus();
}

void PeerBook::Connected(const Hello& hello, std::shared_ptr<Outgoing> outgoing, WallTime now) {
  MutexLock lock(&mutex_);
  Peer& peer = Entry(hello.region);
  peer.cluster_id = hello.cluster_id;
  peer.outgoing = std::move(outgoing);
  peer.status.ordinal = hello.ordinal;
  peer.status.software = hello.software;
  peer.status.connected = true;
  peer.status.reason.clear();
  peer.status.last_heard = now;
  peer.status.rtt.reset();
  peer.status.clock_ahead.reset();
}

void PeerBook::Disconnected(const RegionName& region, const std::string& reason) {
  MutexLock lock(&mutex_);
  Peer& peer = Entry(region);
  peer.outgoing = nullptr;
  peer.status.connected = false;
  peer.status.reason = reason;
  peer.status.rtt.reset();
  peer.status.clock_ahead.reset();
}

void PeerBook::SetReason(const RegionName& region, const std::string& reason) {
  MutexLock lock(&mutex_);
  PeerStatus& status = Entry(region).status;
  if (!status.connected) status.reason = reason;
}

void PeerBook::Heard(const RegionName& region, WallTime now) {
  MutexLock lock(&mutex_);
  const auto found = peers_.find(region);
  if (found != peers_.end()) found->second.status.last_heard = now;
}

void PeerBook::Measured(const RegionName& region, const RoundTrip& trip) {
  MutexLock lock(&mutex_);
  const auto found = peers_.find(region);
  if (found == peers_.end()) return;
  found->second.status.rtt = trip.rtt;
  found->second.status.clock_ahead = trip.clock_ahead;
}

std::shared_ptr<Outgoing> PeerBook::Find(const RegionName& region) const {
  MutexLock lock(&mutex_);
  const auto found = peers_.find(region);
  return found == peers_.end() ? nullptr : found->second.outgoing;
}

std::vector<std::shared_ptr<Outgoing>> PeerBook::All() const {
  MutexLock lock(&mutex_);
  std::vector<std::shared_ptr<Outgoing>> all;
  for (const auto& [name, peer] : peers_) {
    if (peer.outgoing != nullptr) all.push_back(peer.outgoing);
  }
  return all;
}

std::string PeerBook::reason(const RegionName& region) const {
  MutexLock lock(&mutex_);
  const auto found = peers_.find(region);
  return found == peers_.end() ? "no link and no connection" : found->second.status.reason;
}

std::vector<PeerStatus> PeerBook::peers() const {
  MutexLock lock(&mutex_);
  std::vector<PeerStatus> peers;
  for (const auto& [name, peer] : peers_) peers.push_back(peer.status);
  return peers;
}

}  // namespace atl::mirror
