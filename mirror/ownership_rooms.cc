#include "mirror/ownership_rooms.h"

#include <utility>

#include "base/logging.h"

namespace atl::mirror {
namespace {

class Job final : public runtime::ShardJob {
 public:
  explicit Job(std::function<void()> work) : work_(std::move(work)) {}
  void Run(runtime::ShardTurn&) override { work_(); }
  void Complete() override {}
  runtime::CompleteAfter complete_after() const override { return runtime::CompleteAfter::kWrite; }

 private:
  const std::function<void()> work_;
};

void OnBlocking(const OwnershipRooms& rooms, std::function<void()> work) {
  rooms.blocking.Post(0, std::make_unique<Job>(std::move(work)));
}

void Merge(const OwnershipRooms& rooms, const RegionName& peer,
           const std::vector<checkpoint::OwnershipRecord>& records) {
  const std::vector<TopicId> moved = rooms.owners.Merge(peer, records);
  if (moved.empty()) return;
  for (const auto& link : rooms.links.all()) link->LookSoon();
}

EndsAnswer Ends(const OwnershipRooms& rooms, const EndsRequest& request) {
  EndsAnswer answer;
  const auto view = rooms.catalog.view();
  for (const TopicId& id : request.topics) {
    const auto topic = view->Find(id);
    const auto record = rooms.owners.Find(id);
    if (topic == nullptr || !record) continue;
    EndsAnswer::Topic& told = answer.topics.emplace_back();
    told.topic = id;
    told.epoch = record->epoch;
    for (const auto& partition : topic->partitions) {
      told.ends.push_back(partition->offsets().high_watermark);
    }
  }
  return answer;
}

StatusOr<ControlAnswer> Answered(const Status& status) {
  if (!status.ok()) return status;
  return ControlAnswer(Done{});
}

}  // namespace

void JoinOwnership(ControlRooms& control, OwnershipRooms rooms) {
  control.ProvideTopics([rooms] { return rooms.owners.All(); });
  control.OnConnected([rooms](const Hello& hello) {
    OnBlocking(rooms, [rooms, hello] {
      Merge(rooms, hello.region, hello.topics);
      rooms.owners.Heard(hello.region);
    });
  });
  control.OnMessage<OwnershipNews>([rooms](const RegionName& peer, OwnershipNews news) {
    OnBlocking(rooms, [rooms, peer, news] { Merge(rooms, peer, news.records); });
  });
  control.OnRequest<OwnershipRequest>(
      [rooms](const RegionName& peer, OwnershipRequest request, ControlHandlers::Reply reply) {
        OnBlocking(rooms, [rooms, peer, request, reply] {
          Merge(rooms, peer, request.records);
          reply(ControlAnswer(Done{}));
        });
      });
  control.OnRequest<EndsRequest>(
      [rooms](const RegionName&, const EndsRequest& request, const ControlHandlers::Reply& reply) {
        reply(ControlAnswer(Ends(rooms, request)));
      });
  control.OnRequest<FenceRequest>(
      [rooms](const RegionName& peer, FenceRequest request, ControlHandlers::Reply reply) {
        OnBlocking(rooms, [rooms, peer, request, reply] {
          reply(ControlAnswer(rooms.owners.Fence(peer, request)));
        });
      });
  control.OnRequest<ReleaseRequest>([rooms](const RegionName&, const ReleaseRequest& request,
                                            ControlHandlers::Reply reply) {
    OnBlocking(rooms,
               [rooms, request, reply] { reply(Answered(rooms.owners.Release(request.attempt))); });
  });
  control.OnRequest<LiftRequest>([rooms](const RegionName&, const LiftRequest& request,
                                         ControlHandlers::Reply reply) {
    OnBlocking(rooms,
               [rooms, request, reply] { reply(Answered(rooms.owners.Lift(request.attempt))); });
  });
}

}  // namespace atl::mirror
