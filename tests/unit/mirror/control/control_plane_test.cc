// Two and three planes that talk: who is taken for whom, messages, requests, and the end of either.
#include "mirror/control/control_plane.h"

#include <sys/resource.h>

#include <cmath>

#include "tests/unit/mirror/control/planes.h"

#include <catch2/catch.hpp>

namespace atl::mirror {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

GroupCommits Numbered(uint64_t sequence) {
  GroupCommits commits;
  commits.sequence = sequence;
  return commits;
}

// us-east, listening, and eu-west with a link to it; both started and connected.
struct Pair {
  Pair() {
    const int port = source.Ticking().Open();
    target.Ticking().Open({LinkTo("us-east", port)});
  }
  void Start() {
    source.Start();
    target.Start();
    source.seen.Await("+eu-west");
    target.seen.Await("+us-east");
  }
  const RegionName us_east{"us-east"};
  const RegionName eu_west{"eu-west"};
  TestPlane source{SelfOf("us-east", 1)};
  TestPlane target{SelfOf("eu-west", 2)};
};

// What the target of a link hears about `source` when `target` dials it.
std::string RefusalBetween(const Hello& source_self, const Hello& target_self,
                           const std::string& expected_region) {
  TestPlane source(source_self);
  TestPlane target(target_self);
  target.Ticking();
  const int port = source.Open();
  target.Open({LinkTo(expected_region, port)});
  source.Start();
  target.Start();
  target.Await([&] {
    return target.peer(expected_region).reason.starts_with("refused") ||
           target.peer(expected_region).reason.find("the link's") != std::string::npos;
  });
  REQUIRE_FALSE(target.peer(expected_region).connected);
  REQUIRE(source.seen.count("+" + target_self.region.value()) <= 1);
  return target.peer(expected_region).reason;
}

}  // namespace

TEST_CASE("A region that dials and one that listens know each other, and how far away they are") {
  Pair pair;
  pair.Start();
  pair.target.Await([&] { return pair.target.peer("us-east").rtt.has_value(); });
  const PeerStatus source = pair.target.peer("us-east");
  REQUIRE(source.connected);
  REQUIRE(source.link == LinkName("from-us-east"));
  REQUIRE(source.ordinal == RegionOrdinal(1));
  REQUIRE(source.reason.empty());
  REQUIRE(source.last_heard.has_value());
  REQUIRE(*source.rtt > Duration::zero());
  const PeerStatus target = pair.source.peer("eu-west");
  REQUIRE(target.connected);
  REQUIRE(target.link.empty());
  const std::string text = pair.target.metrics.Text();
  REQUIRE_THAT(text, Catch::Contains("atoll_link_control_connected{link=\"from-us-east\"} 1"));
  REQUIRE_THAT(text, Catch::Contains("atoll_link_rtt_seconds_count{link=\"from-us-east\"} "));
}

TEST_CASE("An echo tells how far the clocks are apart, and the hello what the peer runs") {
  Pair pair;
  pair.source.clock.ahead = seconds(90);
  pair.Start();
  const auto apart = [](const TestPlane& plane, const std::string& peer) {
    const std::optional<Duration> ahead = plane.peer(peer).clock_ahead;
    return ahead ? std::round(ToSeconds(*ahead) / 10) * 10 : 0;
  };
  pair.target.Await([&] { return apart(pair.target, "us-east") == 90; });
  pair.source.Await([&] { return apart(pair.source, "eu-west") == -90; });
  REQUIRE(pair.target.peer("us-east").software == "test");
  pair.source.plane->Stop();
  pair.target.seen.Await("-us-east");
  REQUIRE_FALSE(pair.target.peer("us-east").clock_ahead.has_value());
  REQUIRE(pair.target.peer("us-east").software == "test");  // It will hardly be another.
}

TEST_CASE("A listener says whether it takes connections, and why not") {
  Pair pair;
  const auto said = [&pair] {
    return std::string(StatusMessage(pair.source.plane->CheckListener()));
  };
  REQUIRE(said() == "it takes no connections");
  pair.Start();
  REQUIRE(said().empty());
  boost::asio::io_context context;
  runtime::tcp::socket caller(context, runtime::tcp::v4());
  rlimit files{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &files) == 0);
  const rlimit none{0, files.rlim_max};  // What is open stays so.
  REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
  caller.connect(
      {boost::asio::ip::address_v4::loopback(), static_cast<uint16_t>(pair.source.plane->port())});
  pair.source.Await([&] { return said() == "accept: Too many open files"; });
  REQUIRE(setrlimit(RLIMIT_NOFILE, &files) == 0);
  pair.source.Await([&] { return said().empty(); });
  pair.source.plane->Stop();
  REQUIRE(said() == "it takes no connections");
}

TEST_CASE("A hello brings the topics, and the name of the link that dialled") {
  Pair pair;
  checkpoint::OwnershipRecord record;
  record.topic = Uuid({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16});
  record.name = TopicName("orders");
  record.epoch = LeaderEpoch(257);
  pair.source.rooms.ProvideTopics([record] { return std::vector{record}; });
  pair.target.rooms.OnConnected([&](const Hello& hello) {
    if (hello.topics == std::vector{record}) pair.target.seen.Add("topics");
  });
  pair.source.rooms.OnConnected(
      [&](const Hello& hello) { pair.source.seen.Add("link " + hello.link.value()); });
  pair.Start();
  pair.target.seen.Await("topics");
  pair.source.seen.Await("link from-us-east");
}

TEST_CASE("Messages arrive in order, both ways, behind the hello") {
  Pair pair;
  for (TestPlane* plane : {&pair.source, &pair.target}) {
    plane->rooms.OnConnected([plane](const Hello& hello) {
      if (plane->plane->Send(hello.region, Numbered(1))) plane->seen.Add("sent");
    });
  }
  pair.Start();
  pair.source.seen.Await("sent");
  pair.target.seen.Await("sent");
  for (uint64_t i = 2; i <= 500; ++i) {
    REQUIRE(pair.target.plane->Send(pair.us_east, Numbered(i)));
    pair.source.plane->Broadcast(Numbered(i));
  }
  for (TestPlane* plane : {&pair.source, &pair.target}) {
    const std::string peer = plane == &pair.source ? "eu-west:" : "us-east:";
    plane->seen.Await(peer + "500");
    uint64_t next = 1;
    for (const std::string& line : plane->seen.lines()) {
      if (line.starts_with(peer)) REQUIRE(line == peer + std::to_string(next++));
    }
    REQUIRE(next == 501);
  }
  REQUIRE_FALSE(pair.target.plane->Send(RegionName("nobody"), Numbered(1)));
}

TEST_CASE("A request has exactly one answer: what was said first, or that nobody said anything") {
  Pair pair;
  pair.source.rooms.OnRequest<LiftRequest>(
      [](const RegionName&, const LiftRequest&, const ControlRooms::Reply& reply) {
        reply(ControlAnswer(Done()));
        reply(InternalError("said too late"));
      });
  pair.source.rooms.OnRequest<EndsRequest>(
      [](const RegionName&, const EndsRequest&, const ControlRooms::Reply& reply) {
        reply(FailedPrecondition("not the owner"));
      });
  pair.source.rooms.OnRequest<GroupsRequest>(
      [](const RegionName&, const GroupsRequest&, const ControlRooms::Reply&) {});
  pair.Start();
  ControlPlane& plane = *pair.target.plane;
  LiftRequest lift;
  lift.attempt = Uuid({1});
  const StatusOr<ControlAnswer> done = plane.Call(pair.us_east, lift, seconds(20));
  REQUIRE(done.status() == OkStatus());
  REQUIRE(std::holds_alternative<Done>(*done));
  const StatusOr<ControlAnswer> refused = plane.Call(pair.us_east, EndsRequest(), seconds(20));
  REQUIRE(refused.status().code() == StatusCode::kFailedPrecondition);
  REQUIRE(StatusMessage(refused.status()) == "us-east: not the owner");
  const StatusOr<ControlAnswer> dropped = plane.Call(pair.us_east, GroupsRequest(), seconds(20));
  REQUIRE(StatusMessage(dropped.status()) == "us-east: the request was dropped");
  const StatusOr<ControlAnswer> nobody = plane.Call(pair.us_east, OwnershipRequest(), seconds(20));
  REQUIRE(nobody.status().code() == StatusCode::kUnimplemented);
  const StatusOr<ControlAnswer> unknown =
      plane.Call(RegionName("nobody"), GroupsRequest(), seconds(20));
  REQUIRE(unknown.status().code() == StatusCode::kUnavailable);
}

TEST_CASE("A call ends with its deadline, and with its connection") {
  Pair pair;
  std::vector<ControlRooms::Reply> kept;
  pair.source.rooms.OnRequest<GroupsRequest>(
      [&](const RegionName&, const GroupsRequest&, ControlRooms::Reply reply) {
        kept.push_back(std::move(reply));
        if (kept.size() == 2) pair.source.plane->Send(pair.eu_west, Numbered(1));
      });
  // The second call is under way: the source goes.
  pair.target.rooms.Every(milliseconds(5), [&] {
    if (pair.target.seen.count("us-east:1") > 0) pair.target.seen.Add("under way");
  });
  pair.Start();
  const StatusOr<ControlAnswer> late =
      pair.target.plane->Call(pair.us_east, GroupsRequest(), milliseconds(30));
  REQUIRE(late.status().code() == StatusCode::kDeadlineExceeded);

  runtime::Reactor other("other");
  other.Start();
  StatusOr<ControlAnswer> answer = ControlAnswer(Done());
  boost::asio::post(other.executor(), [&] {
    answer = pair.target.plane->Call(pair.us_east, GroupsRequest(), seconds(60));
    pair.target.seen.Add("answered");
  });
  pair.target.seen.Await("under way");
  pair.source.plane->Stop();
  pair.target.seen.Await("answered");
  other.Stop();
  REQUIRE(answer.status().code() == StatusCode::kUnavailable);
  pair.target.seen.Await("-us-east");
  for (const auto& reply : kept) reply(ControlAnswer(Done()));  // Nobody hears it.
}

TEST_CASE("A peer that comes back is connected again by itself") {
  Pair pair;
  pair.Start();
  pair.target.plane->Stop();
  pair.source.seen.Await("-eu-west");
  REQUIRE_FALSE(pair.source.peer("eu-west").connected);
  REQUIRE_FALSE(pair.source.peer("eu-west").reason.empty());
  TestPlane again(SelfOf("eu-west", 2));
  again.Open({LinkTo("us-east", pair.source.plane->port())});
  again.Start();
  again.seen.Await("+us-east");
  pair.source.seen.Await("+eu-west", 2);
}

TEST_CASE("Who can't be another region is refused with the reason, on both sides") {
  const Hello us_east = SelfOf("us-east", 1);
  Hello same_name = SelfOf("us-east", 2);
  REQUIRE(RefusalBetween(us_east, same_name, "us-east") ==
          "refused by the peer: `us-east` is this region's own name: a link to itself, or a copy "
          "of it");
  Hello cloned = SelfOf("eu-west", 2);
  cloned.cluster_id = us_east.cluster_id;
  REQUIRE(RefusalBetween(us_east, cloned, "us-east") ==
          "refused by the peer: `eu-west` has the cluster id of `us-east` (cluster-of-us-east): "
          "one data folder is a copy of the other");
  REQUIRE(RefusalBetween(us_east, SelfOf("eu-west", 1), "us-east") ==
          "refused by the peer: `eu-west` has ordinal 1 as `us-east` has; each region needs its "
          "own");
  REQUIRE(RefusalBetween(us_east, SelfOf("eu-west", 2), "us-north") ==
          "the region there is `us-east`, the link's `source.region` is `us-north`");
  Hello ancient = SelfOf("eu-west", 2);
  ancient.version = 0;
  REQUIRE(RefusalBetween(us_east, ancient, "us-east") == "refused by the peer: protocol version 0");
}

TEST_CASE("Two other regions with one cluster id, or one ordinal: the second is refused") {
  TestPlane hub(SelfOf("hub", 9));
  const int port = hub.Open();
  hub.Start();
  TestPlane first(SelfOf("first", 1));
  first.Open({LinkTo("hub", port)});
  first.Start();
  hub.seen.Await("+first");
  Hello clone = SelfOf("clone", 2);
  clone.cluster_id = "cluster-of-first";
  for (const Hello& self : {clone, SelfOf("twin", 1), SelfOf("first", 1)}) {
    TestPlane second(self);
    second.Ticking().Open({LinkTo("hub", port)});
    second.Start();
    second.Await([&] { return second.peer("hub").reason.starts_with("refused by the peer"); });
    REQUIRE(second.seen.count("+hub") == 0);
  }
  REQUIRE(first.seen.count("-hub") == 0);
  REQUIRE_THAT(hub.peer("clone").reason, Catch::Contains("has the cluster id of `first`"));
  REQUIRE_THAT(hub.peer("twin").reason, Catch::Contains("has ordinal 1 as `first` has"));
}

TEST_CASE("A copy that dials does not take the place of a region that was dialled") {
  TestPlane us_east(SelfOf("us-east", 1));
  TestPlane eu_west(SelfOf("eu-west", 2));
  const int port = us_east.Open();
  eu_west.Open({LinkTo("us-east", port)});
  us_east.Start();
  eu_west.Start();
  eu_west.seen.Await("+us-east");
  TestPlane copy(SelfOf("us-east", 1));
  copy.Ticking().Open({LinkTo("eu-west", eu_west.plane->port())});
  copy.Start();
  copy.Await([&] { return copy.peer("eu-west").reason.ends_with("a copy of that region?"); });
  REQUIRE(eu_west.seen.count("-us-east") == 0);
}

TEST_CASE("When both dial, one connection is left and both call it connected") {
  TestPlane us_east(SelfOf("us-east", 1));
  TestPlane eu_west(SelfOf("eu-west", 2));
  // Ports that are known before either has its links.
  TestPlane probe(SelfOf("probe", 3));
  const int free = probe.Open();
  probe.plane.reset();
  us_east.Ticking().Open({LinkTo("eu-west", free)});
  eu_west.Ticking().OpenAt(free, {LinkTo("us-east", us_east.plane->port())});
  us_east.Start();
  eu_west.Start();
  const auto net = [](TestPlane& plane, const std::string& peer) {
    return plane.seen.count("+" + peer) - plane.seen.count("-" + peer);
  };
  us_east.seen.Await("+eu-west");
  eu_west.seen.Await("+us-east");
  us_east.Await([&] { return us_east.peer("eu-west").rtt && eu_west.peer("us-east").rtt; });
  REQUIRE(net(us_east, "eu-west") == 1);
  REQUIRE(net(eu_west, "us-east") == 1);
  REQUIRE(us_east.plane->Send(RegionName("eu-west"), Numbered(5)));
  REQUIRE(eu_west.plane->Send(RegionName("us-east"), Numbered(6)));
  eu_west.seen.Await("us-east:5");
  us_east.seen.Await("eu-west:6");
}

TEST_CASE("Where nobody listens the reason is said, and the plane stops all the same") {
  TestPlane probe(SelfOf("probe", 3));
  const int nobody = probe.Open();
  probe.plane.reset();
  TestPlane target(SelfOf("eu-west", 2));
  target.Ticking().Open({LinkTo("us-east", nobody)});
  REQUIRE(target.peer("us-east").reason == "not tried yet");
  target.Start();
  target.Await([&] { return target.peer("us-east").reason.find("refused") != std::string::npos; });
  REQUIRE_THAT(target.metrics.Text(),
               Catch::Contains("atoll_link_control_connected{link=\"from-us-east\"} 0") &&
                   !Catch::Contains("atoll_link_rtt_seconds"));
}

TEST_CASE("A peer that does not keep up is cut off: both begin anew") {
  Pair pair;
  // The source stands still in a handler while more comes for it than a queue holds.
  Mutex gate;
  gate.Lock();
  pair.source.rooms.OnMessage<MirrorPositions>([&](const RegionName&, const MirrorPositions&) {
    gate.Lock();
    gate.Unlock();
  });
  pair.Start();
  REQUIRE(pair.target.plane->Send(pair.us_east, MirrorPositions()));
  GroupCommits large = Numbered(1);
  large.commits.resize(1);
  large.commits[0].topic = TopicName("orders");
  large.commits[0].metadata = std::string(32'000, 'x');
  large.commits.resize(200, large.commits[0]);
  bool sent = true;
  for (int i = 0; i < 100 && sent; ++i) sent = pair.target.plane->Send(pair.us_east, large);
  gate.Unlock();
  REQUIRE_FALSE(sent);
  pair.target.seen.Await("-us-east");
  pair.target.seen.Await("+us-east", 2);
}

}  // namespace atl::mirror
