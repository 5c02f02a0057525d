// Who the other regions are: what may call itself what (pure rules over hellos), and for each
// region whether it is connected, why not, and how far away. Other threads look here to send and to
// show. A leaf lock.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "mirror/control/control_plane.h"
#include "mirror/control/outgoing.h"

namespace atl::mirror {

// Whether `peer` can be another region than `self`: not ourselves, not our ordinal, not our cluster
// id, and who it is `expected` to be (empty: anybody). kFailedPrecondition with a reason for
// people.
Status CheckHello(const Hello& self, const Hello& peer, const RegionName& expected);

class PeerBook {
 public:
  // Regions without a link that are remembered after they went.
  static constexpr size_t kMaxStrangers = 64;

  using Links = std::vector<config::Link>;

  explicit PeerBook(Links links) { SetLinks(std::move(links)); }
  // Our links, and so which peer is whose source.
  void SetLinks(Links links);
  std::shared_ptr<const Links> links() const;

  // No other connected region has this one's cluster id or ordinal.
  Status CheckUnique(const Hello& hello) const;
  void Connected(const Hello& hello, std::shared_ptr<Outgoing> outgoing, WallTime now);
  void Disconnected(const RegionName& region, const std::string& reason);
  // Why it is not connected; of no effect while it is.
  void SetReason(const RegionName& region, const std::string& reason);
  void Heard(const RegionName& region, WallTime now);
  void Measured(const RegionName& region, const RoundTrip& trip);

  bool connected(const RegionName& region) const { return Find(region) != nullptr; }
  // Nothing: not connected.
  std::shared_ptr<Outgoing> Find(const RegionName& region) const;
  std::vector<std::shared_ptr<Outgoing>> All() const;
  std::string reason(const RegionName& region) const;
  std::vector<PeerStatus> peers() const;  // By name.

 private:
  struct Peer {
    PeerStatus status;
    std::string cluster_id;
    std::shared_ptr<Outgoing> outgoing;
  };
  Peer& Entry(const RegionName& region) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  std::map<RegionName, Peer> peers_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const Links> links_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace atl::mirror
