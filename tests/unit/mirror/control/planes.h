// Control planes of several regions in one process, on loopback and ports of the system's choice,
// and what their handlers saw. Tests wait for what they expect; nothing sleeps.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/random.h"
#include "mirror/control/control_plane.h"
#include "mirror/control/rooms.h"
#include "runtime/asio.h"

namespace atl::mirror {

inline Hello SelfOf(const std::string& name, int32_t ordinal) {
  Hello self;
  self.cluster_id = "cluster-of-" + name;
  self.region = RegionName(name);
  self.ordinal = RegionOrdinal(ordinal);
  self.software = "test";
  return self;
}

inline config::Link LinkTo(const std::string& region, int port) {
  config::Link link = config::DefaultLink();
  link.name = LinkName("from-" + region);
  link.source.region = RegionName(region);
  link.source.control = config::Endpoint{"127.0.0.1", static_cast<uint16_t>(port)};
  return link;
}

// What happened, in order, as lines of text.
class Seen {
 public:
  void Add(std::string line) {
    MutexLock lock(&mutex_);
    lines_.push_back(std::move(line));
    changed_.SignalAll();
  }
  // Waits until `line` was seen `times` times.
  void Await(const std::string& line, int times = 1) {
    MutexLock lock(&mutex_);
    while (Count(line) < times) changed_.Wait(&mutex_);
  }
  int count(const std::string& line) {
    MutexLock lock(&mutex_);
    return Count(line);
  }
  std::vector<std::string> lines() {
    MutexLock lock(&mutex_);
    return lines_;
  }

 private:
  int Count(const std::string& line) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    int found = 0;
    for (const std::string& one : lines_) found += one == line ? 1 : 0;
    return found;
  }

  Mutex mutex_;
  CondVar changed_;
  std::vector<std::string> lines_ ABSL_GUARDED_BY(mutex_);
};

class TestPlane {
 public:
  explicit TestPlane(Hello self, Duration silence = std::chrono::seconds(20)) : self_(self) {
    options_.self = std::move(self);
    options_.listener = config::ControlListener{{"127.0.0.1", 0}, {"127.0.0.1", 0}};
    options_.seed = SystemSeed();
    options_.heartbeat = std::chrono::milliseconds(20);
    options_.silence = silence;
    rooms.OnConnected([this](const Hello& hello) { seen.Add("+" + hello.region.value()); });
    rooms.OnDisconnected([this](const RegionName& peer) { seen.Add("-" + peer.value()); });
    rooms.OnMessage<GroupCommits>([this](const RegionName& peer, const GroupCommits& commits) {
      seen.Add(peer.value() + ":" + std::to_string(commits.sequence));
    });
  }
  ~TestPlane() {
    if (plane != nullptr) plane->Stop();
  }

  // Binds, so that others can have links to it.
  int Open(std::vector<config::Link> links = {}) { return OpenAt(0, std::move(links)); }
  int OpenAt(int port, std::vector<config::Link> links) {
    options_.listener->bind.port = static_cast<uint16_t>(port);
    options_.links = std::move(links);
    plane = std::make_unique<ControlPlane>(options_, metrics, clock);
    const Status opened = plane->Open();
    return opened.ok() ? plane->port() : 0;
  }
  void Start() { plane->Start(rooms.Handlers(self_)); }

  PeerStatus peer(const std::string& name) const {
    for (const PeerStatus& one : plane->peers()) {
      if (one.region.value() == name) return one;
    }
    return {};
  }
  // Waits, on the periods of the plane itself, until `holds`.
  void Await(const std::function<bool()>& holds) {
    while (!holds()) {
      const int now = seen.count("tick");
      seen.Await("tick", now + 1);
    }
  }
  // Before Start: lets Await look again and again.
  TestPlane& Ticking() {
    rooms.Every(std::chrono::milliseconds(5), [this] { seen.Add("tick"); });
    return *this;
  }

  // The system's, whose wall is set wrong by so much before Open.
  struct WrongClock final : Clock {
    MonotonicTime Now() const override { return SystemClock().Now(); }
    WallTime WallNow() const override { return SystemClock().WallNow() + ahead; }
    Duration ahead{};
  };
  WrongClock clock;
  Metrics metrics;
  ControlRooms rooms;
  Seen seen;
  std::unique_ptr<ControlPlane> plane;

 private:
  Hello self_;
  ControlPlane::Options options_;
};

}  // namespace atl::mirror
