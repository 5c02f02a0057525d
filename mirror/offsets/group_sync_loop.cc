// GroupSync's life: the ticks on its reactor and their turns on its shard.
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>

#include <functional>
#include <utility>

#include "mirror/offsets/group_sync.h"
#include "mirror/pull/blocking.h"
#include "runtime/ask.h"
#include "runtime/timer.h"

namespace atl::mirror {
namespace {

constexpr Duration kTick = std::chrono::milliseconds(10);

// A step on the reactor, waited for.
void OnReactor(runtime::Reactor& reactor, const std::function<void()>& step) {
  boost::asio::post(reactor.executor(), boost::asio::use_future(step)).get();
}

}  // namespace

void GroupSync::Join(ControlRooms& rooms) {
  rooms.OnConnected([this](const Hello& hello) { OnPeerConnected(hello.region); });
  rooms.OnDisconnected([this](const RegionName& peer) { OnPeerGone(peer); });
  rooms.OnMessage<GroupCommits>([this](const RegionName& peer, GroupCommits commits) {
    OnCommits(peer, std::move(commits));
  });
  rooms.OnRequest<GroupsRequest>(
      [this](const RegionName&, const GroupsRequest& request, const ControlRooms::Reply& reply) {
        reply(ControlAnswer(Groups(request)));
      });
}

void GroupSync::Start() {
  OnReactor(room_.reactor, [this] { StartTasks(); });
}

void GroupSync::StartTasks() {
  group_.Spawn(Run());
  for (const LinkRoom& link : links_) {
    if (!link.config.groups.sync) continue;
    const LinkName& name = link.config.name;
    polls_.push_back(std::make_unique<GroupPoll>(
        room_.reactor, room_.clock, link.config, [this, name] { return !Fed(name); },
        [this, name](std::vector<GroupCommit> commits) { OnPolled(name, std::move(commits)); },
        random_.Next()));
    group_.Spawn(polls_.back()->Run());
  }
}

void GroupSync::Stop() {
  group_.StopFromOutside();
  OnReactor(room_.reactor, [this] { polls_.clear(); });
  (void)runtime::AskShard<bool>(room_.blocking, 0, [this] {
    Turn();
    next_save_ = {};
    Save();
    return true;
  });
}

runtime::awaitable<void> GroupSync::Run() {
  for (;;) {
    (void)co_await runtime::Sleep(kTick);
    if (!busy_ && room_.clock.Now() < next_full_.load()) continue;
    std::function<bool()> turn = [this] {
      Turn();
      return true;
    };
    (void)co_await RunBlocking<bool>(room_.blocking, room_.reactor, std::move(turn));
  }
}

void GroupSync::Tick() {
  (void)runtime::AskShard<bool>(room_.blocking, 0, [this] {
    Turn();
    return true;
  });
}

}  // namespace atl::mirror
