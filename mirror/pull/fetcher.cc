#include "mirror/pull/fetcher.h"

#include <algorithm>
#include <utility>

#include "base/failpoint.h"
#include "base/status_name.h"
#include "kafka/wire/schema/list_offsets.h"
#include "mirror/pull/partition_apply.h"

namespace atl::mirror {
namespace {

using runtime::awaitable;

Failpoint connected("link.connected");
Failpoint fetch_sent("link.fetch_sent");
Failpoint fetch_received("link.fetch_received");
Failpoint batch_verified("link.batch_verified");

constexpr Duration kTick = std::chrono::seconds(1);
constexpr Duration kHeartbeatEvery = std::chrono::milliseconds(500);
// While a partition waits for the sink, a long poll of the others must not hold it up.
constexpr Duration kThrottledWait = std::chrono::milliseconds(10);
constexpr ByteCount kMostOfOnePartition{int64_t{64} << 20};
constexpr size_t kQuestionsAtOnce = 2000;

// The bytes of an answer and its share of the budget, given back together.
struct HeldBytes {
  std::shared_ptr<const void> bytes;
  runtime::MemoryPermit permit;
};

bool AsksForDiscovery(kafka::ErrorCode error) {
  switch (error) {
    case kafka::ErrorCode::kNone:
    case kafka::ErrorCode::kOffsetOutOfRange:
    case kafka::ErrorCode::kCorruptMessage:
      return false;
    default:
      return true;  // Leader gone or moved, topic deleted, not allowed any more, storage error.
  }
}

}  // namespace

Fetcher::Fetcher(runtime::Reactor& reactor, Source& source, Sink& sink, PullHost& host,
                 runtime::MemoryBudget& budget, Options options, uint64_t seed)
    : reactor_(reactor),
      source_(source),
      sink_(sink),
      host_(host),
      budget_(budget),
      options_(options),
      backoff_(std::chrono::milliseconds(100), std::chrono::seconds(10), Random(seed)),
      wake_(reactor) {}

Fetcher::~Fetcher() {
  for (const PartitionPtr& partition : partitions_) partition->fetcher = nullptr;
}

// --- Partitions come and go ---

void Fetcher::Add(PartitionPtr partition) {
  auto& of_topic = by_topic_[partition->at.topic];
  const auto index = static_cast<size_t>(partition->at.partition.value());
  if (of_topic.size() <= index) of_topic.resize(index + 1);
  of_topic[index] = partition;
  partition->fetcher = this;
  partition->asked.reset();
  partition->touched = false;
  partitions_.push_back(partition);
  Touch(*partition);
  Wake();
}

void Fetcher::Remove(PulledPartition& partition) {
  UpdateSession(partition, false);
  partition.fetcher = nullptr;
  const auto same = [&](const PartitionPtr& other) { return other.get() == &partition; };
  if (partition.touched) std::erase_if(touched_, same);
  partition.touched = false;
  by_topic_[partition.at.topic][static_cast<size_t>(partition.at.partition.value())].reset();
  std::erase_if(partitions_, same);
}

void Fetcher::Retire() {
  retired_ = true;
  Wake();
}

PartitionPtr Fetcher::Find(const PartitionAtSource& at) const {
  const auto topic = by_topic_.find(at.topic);
  if (topic == by_topic_.end() || at.partition.value() < 0) return nullptr;
  const auto index = static_cast<size_t>(at.partition.value());
  return index < topic->second.size() ? topic->second[index] : nullptr;
}

void Fetcher::Touch(PulledPartition& partition) {
  if (partition.touched || partition.fetcher != this) return;
  partition.touched = true;
  touched_.push_back(Find(partition.at));
}

void Fetcher::TouchAll() {
  for (const PartitionPtr& partition : partitions_) Touch(*partition);
}

bool Fetcher::Backlogged(const PulledPartition& partition) {
  return partition.mirror.need() == MirrorNeed::kRecords &&
         partition.heard.high_watermark > partition.mirror.fetch_offset();
}

bool Fetcher::Throttled() const {
  return std::any_of(partitions_.begin(), partitions_.end(), [](const PartitionPtr& partition) {
    return partition->applies_in_flight > 0 && !partition->asked.has_value();
  });
}

kafka::PathSample Fetcher::path() const {
  return channel_ != nullptr ? channel_->path() : kafka::PathSample();
}

ByteCount Fetcher::received_bytes() const {
  return channel_ != nullptr ? past_received_ + channel_->received_bytes() : past_received_;
}

// --- The connection's life ---

awaitable<void> Fetcher::Run() {
  while (!(retired_ && partitions_.empty())) {
    StatusOr<std::unique_ptr<SourceChannel>> opened = co_await source_.Open(options_.node);
    Status status = opened.status();
    const std::string_view stage = status.ok() ? "fetch" : "connect";
    if (status.ok()) status = connected.Hit();
    if (status.ok()) {
      channel_ = *std::move(opened);
      status = co_await Serve();
      past_received_ += channel_->received_bytes();
      channel_.reset();
    }
    if (status.ok()) break;  // Retired.
    LoseSource(stage, status);
    const MonotonicTime until = host_.now().mono + backoff_.Next();
    while (!retired_ && host_.now().mono < until) co_await Idle(until);
    // Retired without a connection: there is no answer to waste.
    if (retired_ && at_idle_point_) at_idle_point_(*this);
  }
  ended_ = true;
}

void Fetcher::LoseSource(std::string_view stage, const Status& status) {
  host_.OnError(stage, StatusCodeName(status.code()));
  for (const PartitionPtr& partition : partitions_) {
    partition->mirror.OnSourceLost(std::string(StatusMessage(status)), host_.now());
    Touch(*partition);
  }
  host_.AskDiscovery();
}

awaitable<void> Fetcher::Idle(MonotonicTime until) {
  wake_.Reset();
  (void)co_await wake_.Wait(until);
}

awaitable<Status> Fetcher::Serve() {
  change_ = FetchChange();
  asked_ = 0;
  for (const PartitionPtr& partition : partitions_) partition->asked.reset();
  TouchAll();
  for (;;) {
    if (host_.now().mono >= next_tick_) Tick();
    if (at_idle_point_) at_idle_point_(*this);
    if (retired_ && partitions_.empty()) co_return OkStatus();
    const Status served = co_await ServeNeeds();
    CO_RETURN_IF_ERROR(served);
    if (asked_ == 0) {
      if (touched_.empty()) co_await Idle(next_tick_);
      continue;
    }
    FetchChange change = TakeChange();
    runtime::MemoryPermit permit = co_await budget_.Acquire(reactor_, change.most);
    const Status fetched = co_await FetchRecords(std::move(change), std::move(permit));
    CO_RETURN_IF_ERROR(fetched);
    backoff_.Reset();
  }
}

void Fetcher::Tick() {
  const PartitionMirror::Now now = host_.now();
  next_tick_ = now.mono + kTick;
  next_retry_.reset();
  for (const PartitionPtr& partition : partitions_) {
    const uint64_t attempt = partition->mirror.attempt();
    const MirrorNeed need = partition->mirror.need();
    partition->mirror.OnTick(now);
    const bool retry = !partition->unrecorded.empty() || partition->mirror.need() != need ||
                       partition->mirror.attempt() != attempt;
    if (retry || (need != MirrorNeed::kRecords && need != MirrorNeed::kNothing)) {
      Touch(*partition);
    }
    NoteRetry(*partition);
  }
}

void Fetcher::NoteRetry(const PulledPartition& partition) {
  const std::optional<MonotonicTime> at = partition.mirror.wake_at();
  if (!at.has_value()) return;
  next_retry_ = std::min(next_retry_.value_or(*at), *at);
  next_tick_ = std::min(next_tick_, *at);
}

// --- Needs ---

Fetcher::Work Fetcher::LookAtTouched() {
  Work work;
  const std::vector<PartitionPtr> touched = std::exchange(touched_, {});
  for (const PartitionPtr& partition : touched) partition->touched = false;
  for (const PartitionPtr& partition : touched) LookAt(partition, work);
  return work;
}

void Fetcher::LookAt(const PartitionPtr& partition, Work& work) {
  PartitionMirror& mirror = partition->mirror;
  if (mirror.need() == MirrorNeed::kSinkEnd) {
    mirror.OnSinkEnd(mirror.attempt(), partition->sink->End(), host_.now());
  }
  NoteRetry(*partition);
  for (MirrorEvent& event : mirror.TakeEvents()) partition->unrecorded.push_back(std::move(event));
  if (!partition->unrecorded.empty()) {
    UpdateSession(*partition, false);
    work.unrecorded.push_back(partition);
    return;
  }
  UpdateSession(*partition, mirror.need() == MirrorNeed::kRecords);
  switch (mirror.need()) {
    case MirrorNeed::kEpochEnd:
      work.epoch_end.push_back(partition);
      break;
    case MirrorNeed::kLastBatch:
      work.last_batch.push_back(partition);
      break;
    case MirrorNeed::kStart:
      work.start.push_back(partition);
      break;
    case MirrorNeed::kRestart:
      if (partition->restart_attempt != mirror.attempt()) PostRestart(partition);
      break;
    case MirrorNeed::kSetAside:
      if (!partition->setting_aside) host_.SetAsideOf(partition);
      break;
    case MirrorNeed::kTruncate:
      if (partition->truncate_attempt != mirror.attempt()) PostCut(partition);
      break;
    case MirrorNeed::kRecords:
    case MirrorNeed::kNothing:
    case MirrorNeed::kSinkEnd:  // The sink could not say; it is asked again by Tick().
      break;
  }
  if (mirror.log_start_to_follow().has_value() && !partition->following) FollowLogStart(partition);
}

awaitable<Status> Fetcher::ServeNeeds() {
  for (;;) {
    Work work = LookAtTouched();
    if (work.empty()) co_return OkStatus();
    for (const PartitionPtr& partition : work.unrecorded) {
      // Not recorded: kept, and tried again by Tick().
      const Status recorded = co_await host_.RecordEvents(partition);
      if (recorded.ok()) Touch(*partition);
    }
    Status asked = OkStatus();
    if (!work.epoch_end.empty()) asked = co_await AskEpochEnds(std::move(work.epoch_end));
    CO_RETURN_IF_ERROR(asked);
    if (!work.last_batch.empty()) asked = co_await AskLastBatches(std::move(work.last_batch));
    CO_RETURN_IF_ERROR(asked);
    if (!work.start.empty()) asked = co_await AskStarts(std::move(work.start));
    CO_RETURN_IF_ERROR(asked);
  }
}

awaitable<Status> Fetcher::AskEpochEnds(std::vector<PartitionPtr> partitions) {
  std::vector<EpochQuestion> questions;
  std::vector<uint64_t> attempts;
  for (const PartitionPtr& partition : partitions) {
    questions.push_back({partition->at, partition->mirror.last_epoch()});
    attempts.push_back(partition->mirror.attempt());
  }
  const auto answers = co_await channel_->EpochEnds(std::move(questions));
  CO_RETURN_IF_ERROR(answers.status());
  for (size_t i = 0; i < partitions.size(); ++i) {
    const EpochAnswer& answer = (*answers)[i];
    if (AsksForDiscovery(answer.error)) host_.AskDiscovery();
    partitions[i]->mirror.OnEpochEnd(attempts[i], answer.error, answer.epoch, answer.end,
                                     host_.now());
    Touch(*partitions[i]);
  }
  co_return OkStatus();
}

// The whole last batch of each is asked for (61 bytes would do, but a broker leaves out what does
// not fit); whoever got nothing is asked again alone, where the first batch always comes whole.
awaitable<Status> Fetcher::AskLastBatches(std::vector<PartitionPtr> partitions) {
  size_t next = 0;
  while (next < partitions.size()) {
    std::vector<FetchSlice> slices;
    std::vector<PartitionPtr> asked;
    std::vector<uint64_t> attempts;
    ByteCount most{0};
    for (; next < partitions.size() && asked.size() < kQuestionsAtOnce; ++next) {
      const PartitionPtr& partition = partitions[next];
      const StatusOr<SinkEnd> end = partition->sink->End();
      const bool known = end.ok() && end->last_batch.has_value();
      const ByteCount size(known ? static_cast<int64_t>(end->last_batch->total_bytes()) : 4096);
      if (!asked.empty() && most + size > kLeastFetch) break;
      most += size;
      slices.push_back({partition->at, partition->mirror.last_batch_offset(), size});
      asked.push_back(partition);
      attempts.push_back(partition->mirror.attempt());
    }
    const MonotonicTime at = host_.now().mono;
    auto answer = co_await channel_->FetchOnce(std::move(slices), most);
    CO_RETURN_IF_ERROR(answer.status());
    const Status filled = co_await TakeAnswer(*answer, at);
    CO_RETURN_IF_ERROR(filled);
    for (size_t i = 0; i < asked.size(); ++i) {
      const FetchedSlice& slice = answer->slices[i];
      const bool left_out = slice.error == kafka::ErrorCode::kNone && slice.records.empty() &&
                            slice.offsets.high_watermark > asked[i]->mirror.last_batch_offset();
      if (left_out && asked.size() > 1) {
        std::vector<PartitionPtr> alone(1, asked[i]);
        const Status again = co_await AskLastBatches(std::move(alone));
        CO_RETURN_IF_ERROR(again);
        continue;
      }
      if (AsksForDiscovery(slice.error)) host_.AskDiscovery();
      asked[i]->mirror.OnLastBatch(attempts[i], slice.error, slice.offsets, slice.records,
                                   host_.now());
      Touch(*asked[i]);
    }
  }
  co_return OkStatus();
}

awaitable<Status> Fetcher::AskStarts(std::vector<PartitionPtr> partitions) {
  std::vector<OffsetQuestion> questions;
  std::vector<uint64_t> attempts;
  for (const PartitionPtr& partition : partitions) {
    questions.push_back({partition->at, options_.start_from});
    attempts.push_back(partition->mirror.attempt());
  }
  auto answers = co_await channel_->Offsets(questions);
  CO_RETURN_IF_ERROR(answers.status());
  // No record at or behind the time: begin at the end.
  const auto none = [](const OffsetAnswer& answer) {
    return answer.error == kafka::ErrorCode::kNone && answer.offset == kNoOffset;
  };
  if (std::any_of(answers->begin(), answers->end(), none)) {
    for (OffsetQuestion& question : questions) question.time = kafka::kLatestTimestamp;
    const auto ends = co_await channel_->Offsets(std::move(questions));
    CO_RETURN_IF_ERROR(ends.status());
    for (size_t i = 0; i < answers->size(); ++i) {
      if (none((*answers)[i])) (*answers)[i] = (*ends)[i];
    }
  }
  for (size_t i = 0; i < partitions.size(); ++i) {
    const OffsetAnswer& answer = (*answers)[i];
    if (AsksForDiscovery(answer.error)) host_.AskDiscovery();
    partitions[i]->mirror.OnStart(attempts[i], answer.error, answer.offset, host_.now());
    Touch(*partitions[i]);
  }
  co_return OkStatus();
}

awaitable<Status> Fetcher::TakeAnswer(FetchAnswer& answer, MonotonicTime asked) {
  host_.OnContact(asked, answer.received_bytes, answer.sent_bytes);
  for (FetchedSlice& slice : answer.slices) slice.offsets.asked = asked;
  return FillOffsets(answer.slices);
}

// Kafka answers -1 for both ends with OFFSET_OUT_OF_RANGE; a mirror needs them to tell a gap from a
// shorter source.
awaitable<Status> Fetcher::FillOffsets(std::vector<FetchedSlice>& slices) {
  std::vector<OffsetQuestion> questions;
  std::vector<size_t> places;
  for (size_t i = 0; i < slices.size(); ++i) {
    if (slices[i].error != kafka::ErrorCode::kOffsetOutOfRange) continue;
    questions.push_back({slices[i].at, kafka::kEarliestTimestamp});
    places.push_back(i);
  }
  if (places.empty()) co_return OkStatus();
  const auto starts = co_await channel_->Offsets(questions);
  CO_RETURN_IF_ERROR(starts.status());
  for (OffsetQuestion& question : questions) question.time = kafka::kLatestTimestamp;
  const auto ends = co_await channel_->Offsets(std::move(questions));
  CO_RETURN_IF_ERROR(ends.status());
  for (size_t i = 0; i < places.size(); ++i) {
    FetchedSlice& slice = slices[places[i]];
    const bool known = (*starts)[i].error == kafka::ErrorCode::kNone &&
                       (*ends)[i].error == kafka::ErrorCode::kNone;
    if (!known) {
      slice.error = kafka::ErrorCode::kLeaderNotAvailable;  // Asked again later.
      continue;
    }
    slice.offsets.log_start = (*starts)[i].offset;
    slice.offsets.high_watermark = (*ends)[i].offset;
  }
  co_return OkStatus();
}

// --- Pull ---

void Fetcher::UpdateSession(PulledPartition& partition, bool wanted) {
  if (!wanted) {
    if (!partition.asked.has_value()) return;
    partition.asked.reset();
    --asked_;
    const auto same = [&](const FetchSlice& slice) {
      return slice.at.topic == partition.at.topic && slice.at.partition == partition.at.partition;
    };
    std::erase_if(change_.set, same);
    change_.drop.push_back(partition.at);
    return;
  }
  const PartitionMirror& mirror = partition.mirror;
  const bool stands = partition.asked == mirror.fetch_offset() &&
                      partition.asked_attempt == mirror.attempt() && !mirror.wants_bigger_fetch();
  if (stands) return;
  if (mirror.wants_bigger_fetch()) {
    partition.most = std::min(partition.most + partition.most, kMostOfOnePartition);
  }
  if (!partition.asked.has_value()) ++asked_;
  partition.asked = mirror.fetch_offset();
  partition.asked_attempt = mirror.attempt();
  change_.set.push_back({partition.at, mirror.fetch_offset(), partition.most});
}

FetchChange Fetcher::TakeChange() {
  FetchChange change = std::exchange(change_, FetchChange());
  change.most = size_.Next(channel_->path(), options_.budget_share);
  const auto backlogged = static_cast<int64_t>(std::max<size_t>(1, change.set.size()));
  const ByteCount each(std::max(kLeastFetch.value(), change.most.value() / backlogged));
  for (FetchSlice& slice : change.set) slice.most = std::max(slice.most, each);
  change.max_wait = Throttled() ? kThrottledWait : options_.max_wait;
  if (next_retry_.has_value()) {
    const Duration left = *next_retry_ - host_.now().mono;
    change.max_wait = std::clamp(left, std::min(kThrottledWait, change.max_wait), change.max_wait);
  }
  return change;
}

awaitable<Status> Fetcher::FetchRecords(FetchChange change, runtime::MemoryPermit permit) {
  CO_RETURN_IF_ERROR(fetch_sent.Hit());
  const MonotonicTime at = host_.now().mono;
  auto answer = co_await channel_->Fetch(std::move(change));
  CO_RETURN_IF_ERROR(answer.status());
  CO_RETURN_IF_ERROR(fetch_received.Hit());
  size_.OnAnswer(answer->received_bytes);
  const Status filled = co_await TakeAnswer(*answer, at);
  CO_RETURN_IF_ERROR(filled);
  std::vector<HandOver> hand_overs;
  for (const FetchedSlice& slice : answer->slices) Digest(slice, hand_overs);
  Heartbeat(answer->slices, at);
  if (hand_overs.empty()) co_return OkStatus();
  CO_RETURN_IF_ERROR(batch_verified.Hit());
  co_await RaiseEpochs(hand_overs);
  auto held = std::make_shared<HeldBytes>();
  held->bytes = std::move(answer->bytes);
  held->permit = std::move(permit);
  Apply(std::move(hand_overs), std::move(held));
  co_return OkStatus();
}

// Hand-overs whose epoch the catalogue could not take are dropped; their partitions locate again.
awaitable<void> Fetcher::RaiseEpochs(std::vector<HandOver>& hand_overs) {
  for (HandOver& over : hand_overs) {
    const LeaderEpoch epoch = over.batches.back().header().leader_epoch;
    if (epoch <= over.partition->topic->epoch) continue;
    const Status raised = co_await host_.RaiseEpoch(over.partition->topic, epoch);
    if (raised.ok()) continue;
    host_.OnError("apply", "EPOCH");
    over.partition->mirror.Relocate(std::string(StatusMessage(raised)), host_.now());
    Touch(*over.partition);
    over.batches.clear();
  }
  std::erase_if(hand_overs, [](const HandOver& over) { return over.batches.empty(); });
}

void Fetcher::Digest(const FetchedSlice& slice, std::vector<HandOver>& hand_overs) {
  const PartitionPtr partition = Find(slice.at);
  if (partition == nullptr || !partition->asked.has_value()) return;
  if (AsksForDiscovery(slice.error)) {
    host_.OnError("fetch", kafka::ErrorName(slice.error));
    host_.AskDiscovery();
  }
  if (slice.error == kafka::ErrorCode::kNone) partition->heard = slice.offsets;
  verified_.clear();
  partition->mirror.OnRecords(partition->asked_attempt, slice.error, slice.offsets, slice.records,
                              host_.now(), verified_);
  Touch(*partition);
  if (verified_.empty()) return;
  HandOver& over = hand_overs.emplace_back();
  over.partition = partition;
  over.batches = std::move(verified_);
  over.aborted = slice.aborted;
  over.attempt = partition->asked_attempt;
  verified_ = {};
}

// Partitions without news are left out of an answer, yet it tells that nothing changed for them: an
// idle source is in contact.
void Fetcher::Heartbeat(const std::vector<FetchedSlice>& heard, MonotonicTime asked) {
  const PartitionMirror::Now now = host_.now();
  if (now.mono < next_heartbeat_) return;
  next_heartbeat_ = now.mono + kHeartbeatEvery;
  HashSet<const PulledPartition*> told;
  for (const FetchedSlice& slice : heard) told.insert(Find(slice.at).get());
  for (const PartitionPtr& partition : partitions_) {
    const bool stands = partition->asked.has_value() &&
                        partition->asked_attempt == partition->mirror.attempt() &&
                        partition->mirror.need() == MirrorNeed::kRecords &&
                        partition->heard.high_watermark != kNoOffset;
    if (!stands || told.contains(partition.get())) continue;
    verified_.clear();
    partition->heard.asked = asked;
    partition->mirror.OnRecords(partition->asked_attempt, kafka::ErrorCode::kNone, partition->heard,
                                {}, now, verified_);
  }
}

// --- Apply ---

void Fetcher::Post(std::unique_ptr<ApplyRequest> request) {
  request->home = &reactor_;
  host_.OnApplyPosted();
  sink_.Apply(std::move(request));
}

void Fetcher::Apply(std::vector<HandOver> hand_overs, std::shared_ptr<const void> bytes) {
  std::vector<std::pair<int, std::unique_ptr<PartitionApply>>> by_shard;
  for (HandOver& over : hand_overs) {
    const int shard = over.partition->sink->shard();
    auto place = std::find_if(by_shard.begin(), by_shard.end(),
                              [shard](const auto& entry) { return entry.first == shard; });
    if (place == by_shard.end()) {
      by_shard.emplace_back(shard, std::make_unique<PartitionApply>(host_));
      place = std::prev(by_shard.end());
      place->second->bytes = bytes;
    }
    place->second->AddBatches(std::move(over.partition), over.attempt, std::move(over.batches),
                              std::move(over.aborted));
  }
  for (auto& [shard, request] : by_shard) Post(std::move(request));
}

void Fetcher::PostRestart(const PartitionPtr& partition) {
  partition->restart_attempt = partition->mirror.attempt();
  auto request = std::make_unique<PartitionApply>(host_);
  request->AddRestart(partition, partition->mirror.restart_at());
  Post(std::move(request));
}

void Fetcher::PostCut(const PartitionPtr& partition) {
  partition->truncate_attempt = partition->mirror.attempt();
  auto request = std::make_unique<PartitionApply>(host_);
  request->AddCut(partition);
  Post(std::move(request));
}

void Fetcher::FollowLogStart(const PartitionPtr& partition) {
  partition->following = true;
  auto request = std::make_unique<PartitionApply>(host_);
  request->AddLogStart(partition, *partition->mirror.log_start_to_follow());
  Post(std::move(request));
}

}  // namespace atl::mirror
