// GroupSync's life: the ticks on its reactor and their turns on its shard.
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>

#include <algorithm>
#include <functional>
#include <set>
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
  OnReactor(room_.reactor, [this] { group_.Spawn(Run()); });
  for (const LinkRoom& link : links_) StartPoll(link.config);
}

GroupSync::LinkRoom GroupSync::MakeRoom(const config::Link& link) {
  return {link, config::TopicFilter(link.topics), config::TopicFilter(link.groups.filter)};
}

void GroupSync::StartPoll(const config::Link& link) {
  if (!link.groups.sync) return;
  const LinkName name = link.name;
  OnReactor(room_.reactor, [&] {
    auto poll = std::make_unique<GroupPoll>(
        room_.reactor, room_.clock, link, [this, name] { return !Fed(name); },
        [this, name](std::vector<GroupCommit> commits) { OnPolled(name, std::move(commits)); },
        random_.Next());
    auto polling = std::make_unique<Polling>(room_.reactor, link, std::move(poll));
    polling->tasks.Spawn(polling->poll->Run());
    polls_[name] = std::move(polling);
  });
}

void GroupSync::StopPoll(const LinkName& link) {
  const auto found = polls_.find(link);
  if (found == polls_.end()) return;
  found->second->tasks.StopFromOutside();
  OnReactor(room_.reactor, [&] { polls_.erase(found); });
}

void GroupSync::Stop() {
  while (!polls_.empty()) StopPoll(polls_.begin()->first);
  group_.StopFromOutside();
  (void)runtime::AskShard<bool>(room_.blocking, 0, [this] {
    Turn();
    next_save_ = {};
    Save();
    return true;
  });
}

void GroupSync::SetLinks(const std::vector<config::Link>& links) {
  std::set<LinkName> kept;
  for (const LinkRoom& room : links_) {
    if (std::ranges::find(links, room.config) != links.end()) {
      kept.insert(room.config.name);
    } else {
      StopPoll(room.config.name);
    }
  }
  (void)runtime::AskShard<bool>(room_.blocking, 0, [&] {
    std::vector<LinkRoom> rooms;
    for (const config::Link& link : links) rooms.push_back(MakeRoom(link));
    links_ = std::move(rooms);
    std::erase_if(links_now_, [&](const auto& one) { return !kept.contains(one.first); });
    Publish();
    return true;
  });
  for (const config::Link& link : links) {
    if (!kept.contains(link.name)) StartPoll(link);
  }
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
