#include "mirror/control/rooms.h"

#include "base/check.h"

namespace atl::mirror {

void ControlRooms::AddMessageRoom(size_t kind, MessageRoom room) {
  CHECK(!closed_, "a room for message {} comes too late", kind);
  CHECK(!messages_[kind], "two rooms for message {}", kind);
  messages_[kind] = std::move(room);
}

void ControlRooms::AddRequestRoom(size_t kind, RequestRoom room) {
  CHECK(!closed_, "a room for request {} comes too late", kind);
  CHECK(!requests_[kind], "two rooms for request {}", kind);
  requests_[kind] = std::move(room);
}

void ControlRooms::OnConnected(std::function<void(const Hello&)> room) {
  CHECK(!closed_, "a room for connections comes too late");
  connected_.push_back(std::move(room));
}

void ControlRooms::OnDisconnected(std::function<void(const RegionName&)> room) {
  CHECK(!closed_, "a room for lost connections comes too late");
  disconnected_.push_back(std::move(room));
}

void ControlRooms::Every(Duration period, std::function<void()> room) {
  CHECK(!closed_ && period > Duration::zero(), "a period of {} ns", period.count());
  periodic_.push_back({period, std::move(room)});
}

void ControlRooms::ProvideTopics(std::function<std::vector<checkpoint::OwnershipRecord>()> topics) {
  CHECK(!closed_ && !topics_, "topics come from one place, before the start");
  topics_ = std::move(topics);
}

ControlHandlers ControlRooms::Handlers(Hello self) {
  closed_ = true;
  ControlHandlers handlers;
  handlers.make_hello = [this, self = std::move(self)] {
    Hello hello = self;
    if (topics_) hello.topics = topics_();
    return hello;
  };
  handlers.on_connected = [this](const Hello& hello) {
    for (const auto& room : connected_) room(hello);
  };
  handlers.on_disconnected = [this](const RegionName& peer) {
    for (const auto& room : disconnected_) room(peer);
  };
  handlers.on_message = [this](const RegionName& peer, ControlMessage message) {
    const size_t kind = message.index();
    if (kind < messages_.size() && messages_[kind]) messages_[kind](peer, std::move(message));
  };
  handlers.on_request = [this](const RegionName& peer, ControlRequest request, Reply reply) {
    const size_t kind = request.index();
    if (kind < requests_.size() && requests_[kind])
      return requests_[kind](peer, std::move(request), std::move(reply));
    reply(Unimplemented("this region does not serve such requests"));
  };
  handlers.periodic = periodic_;
  return handlers;
}

}  // namespace atl::mirror
