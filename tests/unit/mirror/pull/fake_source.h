// A source in memory, for tests of the fetcher: logs that a test appends to, and channels that
// answer at once or when something was appended.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kafka/record/batch_builder.h"
#include "mirror/pull/source.h"
#include "runtime/timer.h"

namespace atl::mirror::fake {

using PartitionName = std::pair<std::string, int32_t>;

// One batch of `count` records of value `text`.
inline Bytes MakeBatch(Offset base, int count, const std::string& text,
                       LeaderEpoch epoch = LeaderEpoch(1)) {
  kafka::BatchBuilder::Options options;
  options.base_offset = base;
  options.leader_epoch = epoch;
  kafka::BatchBuilder builder(options);
  for (int i = 0; i < count; ++i) builder.Add(Timestamp(1000 + i), {}, AsBytes(text));
  return *builder.Build();
}

struct Log {
  std::vector<Bytes> batches;
  Offset start{0};
  Offset end{0};

  void Append(int count, const std::string& text, LeaderEpoch epoch = LeaderEpoch(1)) {
    batches.push_back(MakeBatch(end, count, text, epoch));
    end = end + RecordCount(count);
  }
  Bytes From(Offset offset, size_t most) const {
    Bytes bytes;
    for (const Bytes& batch : batches) {
      const kafka::BatchHeader header = *kafka::BatchHeader::Parse(batch);
      if (header.next_offset() <= offset) continue;
      if (!bytes.empty() && bytes.size() + batch.size() > most) break;
      bytes.insert(bytes.end(), batch.begin(), batch.end());
    }
    return bytes;
  }
  Bytes All() const { return From(Offset(0), SIZE_MAX); }
  LeaderEpoch last_epoch() const {
    return batches.empty() ? kNoEpoch : kafka::BatchHeader::Parse(batches.back())->leader_epoch;
  }
};

class FakeSource final : public Source {
 public:
  explicit FakeSource(runtime::Reactor& reactor) : news(reactor) {}

  std::map<PartitionName, Log> logs;
  runtime::Event news;
  int opened = 0;
  int fetches = 0;
  int cut_after = -1;                         // The fetch with this number fails, once.
  std::function<void()> before_read = [] {};  // The answer to a fetch is there, nobody read it.

  void Append(const PartitionName& name, int count, const std::string& text,
              LeaderEpoch epoch = LeaderEpoch(1)) {
    logs[name].Append(count, text, epoch);
    news.Set();
  }

  runtime::awaitable<StatusOr<ClusterAtSource>> Describe() override {
    co_return Unimplemented("not asked by fetchers");
  }
  runtime::awaitable<StatusOr<TopicConfigs>> Configs(std::vector<TopicName>) override {
    co_return TopicConfigs();
  }
  runtime::awaitable<StatusOr<std::unique_ptr<SourceChannel>>> Open(NodeId) override;
};

class FakeChannel final : public SourceChannel {
 public:
  explicit FakeChannel(FakeSource& source) : source_(source) {}

  runtime::awaitable<StatusOr<FetchAnswer>> Fetch(FetchChange change) override {
    for (const PartitionAtSource& at : change.drop) asked_.erase(Name(at));
    for (const FetchSlice& slice : change.set) {
      asked_[Name(slice.at)] = {slice.offset, static_cast<size_t>(slice.most.value())};
    }
    const int number = ++source_.fetches;
    if (number == source_.cut_after) co_return Unavailable("the cable was cut");
    FetchAnswer answer = Look();
    if (answer.slices.empty()) {
      source_.news.Reset();
      (void)co_await source_.news.Wait(SystemClock().Now() + change.max_wait);
      answer = Look();
    }
    source_.before_read();
    co_return answer;
  }
  runtime::awaitable<StatusOr<FetchAnswer>> FetchOnce(std::vector<FetchSlice> slices,
                                                      ByteCount) override {
    auto bytes = std::make_shared<std::vector<Bytes>>();
    FetchAnswer answer;
    for (const FetchSlice& slice : slices) {
      bytes->push_back(source_.logs[Name(slice.at)].From(slice.offset, 1));
      answer.slices.push_back(Slice(slice.at, bytes->back()));
    }
    answer.bytes = bytes;
    source_.before_read();
    co_return answer;
  }
  runtime::awaitable<StatusOr<std::vector<EpochAnswer>>> EpochEnds(
      std::vector<EpochQuestion> questions) override {
    std::vector<EpochAnswer> answers;
    for (const EpochQuestion& question : questions) {
      EpochAnswer& answer = answers.emplace_back();
      answer.epoch = question.epoch;
      answer.end = source_.logs[Name(question.at)].end;
    }
    co_return answers;
  }
  runtime::awaitable<StatusOr<std::vector<OffsetAnswer>>> Offsets(
      std::vector<OffsetQuestion> questions) override {
    std::vector<OffsetAnswer> answers;
    for (const OffsetQuestion& question : questions) {
      const Log& log = source_.logs[Name(question.at)];
      answers.emplace_back().offset = question.time == Timestamp(-1) ? log.end : log.start;
    }
    co_return answers;
  }
  kafka::PathSample path() const override { return {}; }
  ByteCount received_bytes() const override { return ByteCount(0); }

 private:
  struct Ask {
    Offset offset;
    size_t most = 0;
    Offset told_end = kNoOffset;
  };
  static PartitionName Name(const PartitionAtSource& at) {
    return {at.topic.value(), at.partition.value()};
  }
  FetchedSlice Slice(const PartitionAtSource& at, const Bytes& bytes) const {
    const Log& log = source_.logs[Name(at)];
    FetchedSlice slice;
    slice.at = at;
    slice.offsets.log_start = log.start;
    slice.offsets.high_watermark = log.end;
    slice.records = bytes;
    return slice;
  }
  FetchAnswer Look() {
    auto bytes = std::make_shared<std::vector<std::unique_ptr<Bytes>>>();
    FetchAnswer answer;
    for (auto& [name, ask] : asked_) {
      const Log& log = source_.logs[name];
      auto found = std::make_unique<Bytes>(log.From(ask.offset, ask.most));
      if (found->empty() && ask.told_end == log.end) continue;
      ask.told_end = log.end;
      PartitionAtSource at;
      at.topic = TopicName(name.first);
      at.partition = PartitionId(name.second);
      answer.slices.push_back(Slice(at, *found));
      answer.received_bytes += ByteCount(static_cast<int64_t>(found->size()));
      bytes->push_back(std::move(found));
    }
    answer.bytes = bytes;
    return answer;
  }

  FakeSource& source_;
  std::map<PartitionName, Ask> asked_;
};

inline runtime::awaitable<StatusOr<std::unique_ptr<SourceChannel>>> FakeSource::Open(NodeId) {
  ++opened;
  co_return std::make_unique<FakeChannel>(*this);
}

}  // namespace atl::mirror::fake
