// A sink in memory, for tests of the fetcher. Applies are done at once, or wait until Complete().
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "mirror/pull/sink.h"
#include "tests/unit/mirror/pull/fake_source.h"

namespace atl::mirror::fake {

struct FakeCut final : SinkCut {};

struct FakeTarget final : SinkPartition {
  Log log;
  int shard_number = 0;

  StatusOr<SinkEnd> End() const override {
    SinkEnd end;
    end.log_start = log.start;
    end.log_end = log.end;
    end.durable_end = log.end;
    end.last_epoch = log.last_epoch();
    if (!log.batches.empty()) end.last_batch = *kafka::BatchHeader::Parse(log.batches.back());
    return end;
  }
  int shard() const override { return shard_number; }
  Status ReadBatches(Offset from, const Take& take) const override {
    for (const Bytes& batch : log.batches) {
      const kafka::BatchView view = *kafka::BatchView::Parse(batch);
      if (view.header().next_offset() > from) RETURN_IF_ERROR(take(view));
    }
    return OkStatus();
  }
  StatusOr<std::shared_ptr<const SinkCut>> PlanCut(Offset offset) const override {
    auto cut = std::make_shared<FakeCut>();
    cut->at = log.start;
    for (const Bytes& batch : log.batches) {
      const Offset next = kafka::BatchHeader::Parse(batch)->next_offset();
      if (next <= offset) cut->at = next;
    }
    cut->first = cut->at;
    cut->end = log.end;
    return std::shared_ptr<const SinkCut>(std::move(cut));
  }
};

class FakeSink final : public Sink {
 public:
  bool defer = false;  // Applies wait until Complete().
  int applies = 0;

  StatusOr<std::shared_ptr<SinkPartition>> Open(const LinkName&, const TopicId&,
                                                PartitionId) override {
    return Unimplemented("not asked by fetchers");
  }
  void Apply(std::unique_ptr<ApplyRequest> request) override {
    ++applies;
    waiting_.push_back(std::move(request));
    if (!defer) Complete();
  }
  void Complete() {
    for (auto& request : std::exchange(waiting_, {})) {
      for (ApplyItem& item : request->items) ApplyOne(item);
      request->Done();
    }
  }
  size_t waiting() const { return waiting_.size(); }

 private:
  static void ApplyOne(ApplyItem& item) {
    Log& log = static_cast<FakeTarget&>(*item.target).log;
    if (item.restart_at.has_value()) {
      log = Log();
      log.start = *item.restart_at;
      log.end = *item.restart_at;
    }
    while (item.cut != nullptr && log.end > item.cut->at) {
      log.end = kafka::BatchHeader::Parse(log.batches.back())->base_offset;
      log.batches.pop_back();
    }
    for (const kafka::BatchView& batch : item.batches) {
      if (batch.header().base_offset < log.end) {
        item.status = FailedPrecondition("offset {} again", batch.header().base_offset.value());
        break;
      }
      log.batches.push_back(CopyBytes(batch.bytes()));
      log.end = batch.header().next_offset();
    }
    item.log_end = log.end;
    item.durable_end = log.end;
  }
  std::vector<std::unique_ptr<ApplyRequest>> waiting_;
};

}  // namespace atl::mirror::fake
