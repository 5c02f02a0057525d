#include "mirror/verify/digest_service.h"

#include <utility>

#include "mirror/verify/compare.h"

namespace atl::mirror {
namespace {

class AnswerJob final : public runtime::ShardJob {
 public:
  AnswerJob(const broker::Catalog& catalog, DigestsRequest request, ControlRooms::Reply reply,
            std::shared_ptr<std::atomic<int>> running)
      : catalog_(catalog),
        request_(std::move(request)),
        reply_(std::move(reply)),
        running_(std::move(running)) {}

  void Run(runtime::ShardTurn&) override { answer_ = AnswerDigests(request_, *catalog_.view()); }
  void Complete() override {
    running_->fetch_sub(1);
    reply_(ControlAnswer(std::move(answer_)));
  }
  runtime::CompleteAfter complete_after() const override { return runtime::CompleteAfter::kWrite; }

 private:
  const broker::Catalog& catalog_;
  const DigestsRequest request_;
  const ControlRooms::Reply reply_;
  const std::shared_ptr<std::atomic<int>> running_;
  Digests answer_;
};

}  // namespace

void DigestService::Join(ControlRooms& rooms) {
  rooms.OnRequest<DigestsRequest>(
      [this](const RegionName&, DigestsRequest request, ControlRooms::Reply reply) {
        Answer(std::move(request), std::move(reply));
      });
}

void DigestService::Answer(DigestsRequest request, ControlRooms::Reply reply) {
  if (running_->fetch_add(1) >= kMostAtOnce) {
    running_->fetch_sub(1);
    reply(ResourceExhausted("{} requests for digests are being answered", kMostAtOnce));
    return;
  }
  shards_.Post(shard_, std::make_unique<AnswerJob>(catalog_, std::move(request), std::move(reply),
                                                   running_));
}

}  // namespace atl::mirror
