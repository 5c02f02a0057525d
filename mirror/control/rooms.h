// Who handles what comes over the control plane. Parts register for their kind of message before
// the plane starts; a kind has one room (a second is our mistake, CHECK). A message without a room
// is dropped, a request without one is answered with kUnimplemented.
//
// Made and filled on the main thread, constant once Handlers() was called; outlives the plane.
// Rooms are called on the control reactor and must not block (control_plane.h).
#pragma once

#include <array>
#include <functional>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "mirror/control/control_plane.h"

namespace atl::mirror {

namespace internal {
template <class T, class Variant>
struct IndexIn;
template <class T, class... Kinds>
struct IndexIn<T, std::variant<Kinds...>> {
  static constexpr size_t Find() {
    size_t index = 0;
    (void)((std::is_same_v<T, Kinds> || (++index, false)) || ...);
    return index;
  }
  static constexpr size_t value = Find();
  static_assert(value < sizeof...(Kinds), "no kind of this variant");
};
}  // namespace internal

class ControlRooms {
 public:
  using Reply = ControlHandlers::Reply;

  template <class T>
  void OnMessage(std::function<void(const RegionName& peer, T message)> room) {
    constexpr size_t kKind = internal::IndexIn<T, ControlMessage>::value;
    AddMessageRoom(kKind, [room = std::move(room)](const RegionName& peer, ControlMessage message) {
      room(peer, std::get<T>(std::move(message)));
    });
  }
  template <class T>
  void OnRequest(std::function<void(const RegionName& peer, T request, Reply reply)> room) {
    constexpr size_t kKind = internal::IndexIn<T, ControlRequest>::value;
    AddRequestRoom(kKind, [room = std::move(room)](const RegionName& peer, ControlRequest request,
                                                   Reply reply) {
      room(peer, std::get<T>(std::move(request)), std::move(reply));
    });
  }
  // Any number; called in the order of registration.
  void OnConnected(std::function<void(const Hello& hello)> room);
  void OnDisconnected(std::function<void(const RegionName& peer)> room);
  // Called on the control reactor at this period.
  void Every(Duration period, std::function<void()> room);
  // What a hello says of the region's topics.
  void ProvideTopics(std::function<std::vector<checkpoint::OwnershipRecord>()> topics);

  // For ControlPlane::Start. `self`: without topics.
  ControlHandlers Handlers(Hello self);

 private:
  using MessageRoom = std::function<void(const RegionName&, ControlMessage)>;
  using RequestRoom = std::function<void(const RegionName&, ControlRequest, Reply)>;
  void AddMessageRoom(size_t kind, MessageRoom room);
  void AddRequestRoom(size_t kind, RequestRoom room);

  std::array<MessageRoom, std::variant_size_v<ControlMessage>> messages_;
  std::array<RequestRoom, std::variant_size_v<ControlRequest>> requests_;
  std::vector<std::function<void(const Hello&)>> connected_;
  std::vector<std::function<void(const RegionName&)>> disconnected_;
  std::vector<ControlHandlers::Periodic> periodic_;
  std::function<std::vector<checkpoint::OwnershipRecord>()> topics_;
  bool closed_ = false;
};

}  // namespace atl::mirror
