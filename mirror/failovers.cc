#include "mirror/failovers.h"

#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>

#include <algorithm>
#include <utility>

#include "base/failpoint.h"
#include "base/logging.h"
#include "mirror/pull/blocking.h"
#include "runtime/timer.h"

namespace atl::mirror {
namespace {

using checkpoint::FailoverOutcome;
using runtime::awaitable;

Failpoint intent_logged("own.intent_logged");

// After the new epoch is minted there is no way back: a step that fails is done again.
constexpr Duration kRetryAfter = std::chrono::milliseconds(200);
// A fence that was released waits for word: it is sent for a minute, then shown as it is.
constexpr int kMostLifts = 60;
constexpr Duration kLiftAgain = std::chrono::seconds(1);
constexpr Duration kTick = std::chrono::milliseconds(100);

}  // namespace

Failovers::Operation::Operation(Record r, Promotion p, MonotonicTime now)
    : record(std::move(r)), promotion(std::move(p)), began(now) {
  for (const auto& topic : record.topics) ids.push_back(topic.id);
}

Failovers::Failovers(Room room, uint64_t seed)
    : room_(std::move(room)), random_(seed), tasks_(room_.reactor, "failovers") {
  // Present from the start, so that a rate over them is 0 and not nothing.
  for (const auto& link : room_.links.all()) {
    for (const Mode mode : {Mode::kPromote, Mode::kFailover}) {
      (void)OperationsOf(link->config().name, mode, FailoverOutcome::kDone);
    }
  }
}

void Failovers::Join(ControlRooms& rooms) {
  rooms.OnMessage<QuarantineNews>(
      [this](const RegionName& peer, const QuarantineNews& news) { told_.Add(peer, news); });
}

Status Failovers::Start() {
  std::vector<Status> damaged;
  ASSIGN_OR_RETURN(std::vector<Record> records, room_.table.List(&damaged));
  for (const Status& row : damaged) LogError("failover", "{}", StatusMessage(row));
  boost::asio::post(room_.reactor.executor(),
                    boost::asio::use_future([this] { tasks_.Spawn(Watch()); }))
      .get();
  for (Record& record : records) {
    if (record.outcome != FailoverOutcome::kRunning) continue;
    LogWarning("failover", "move {}: goes on after a restart, at step {}", record.id,
               checkpoint::FailoverStepName(record.step));
    const Promotion promotion = Promotion::Resume(record.mode, record.step);
    auto operation = std::make_shared<Operation>(std::move(record), promotion, room_.clock.Now());
    const std::shared_ptr<const Link> link = room_.links.Find(operation->record.link.value());
    operation->foreign =
        link != nullptr && link->config().source.kind != config::SourceKind::kAtoll;
    (void)busy_.Take(operation->ids);
    Spawn(std::move(operation));
  }
  return OkStatus();
}

void Failovers::Stop() { tasks_.StopFromOutside(); }

StatusOr<int64_t> Failovers::Run(const Request& request) {
  ASSIGN_OR_RETURN(const PlanInput input, Look(request));
  const FailoverPlan plan = MakePlan(input);
  if (!request.plan_hash.empty() && request.plan_hash != plan.hash) {
    return FailedPrecondition("the plan {} is stale, it is {} now: look at it again",
                              request.plan_hash, plan.hash);
  }
  for (const PlanFinding& finding : plan.findings) {
    if (!finding.blocking) continue;
    return FailedPrecondition("blocked: {}: {} ({})", finding.code, finding.message,
                              finding.remedy);
  }
  Record record;
  record.attempt = Uuid::Generate(random_);
  record.mode = request.mode;
  record.link = plan.link;
  record.source = plan.source;
  record.target = plan.target;
  record.plan_hash = plan.hash;
  record.started = room_.clock.WallNow();
  Promotion promotion(request.mode);
  record.step = promotion.next();
  for (const PlanTopic& topic : input.topics) {
    checkpoint::FailoverTopic& moved = record.topics.emplace_back();
    moved.id = topic.id;
    moved.name = topic.name;
    moved.old_epoch = topic.owner.epoch;
    for (const PlanPartition& partition : topic.partitions) {
      moved.partitions.emplace_back().source_end = partition.mirror.source_end.value_or(kNoOffset);
    }
  }
  std::vector<TopicId> ids;
  for (const auto& topic : record.topics) ids.push_back(topic.id);
  if (busy_.Take(ids).has_value()) {
    return FailedPrecondition(
        "another move has one of these topics in hand: see `atoll failover list`");
  }
  const StatusOr<int64_t> id = room_.table.Create(record);
  Status logged = id.status();
  if (logged.ok()) logged = intent_logged.Hit();
  if (!logged.ok()) {
    busy_.Free(ids);
    return logged;
  }
  record.id = *id;
  auto operation = std::make_shared<Operation>(std::move(record), promotion, room_.clock.Now());
  operation->deadline = operation->began + request.deadline;
  operation->foreign = input.kind == RegionKind::kKafka;
  if (request.mode == Mode::kFailover) NoteAhead(input, *operation);
  Spawn(std::move(operation));
  return *id;
}

StatusOr<std::optional<Failovers::Record>> Failovers::Get(int64_t id) const {
  return room_.table.Get(id);
}

StatusOr<std::vector<Failovers::Record>> Failovers::List() const { return room_.table.List(); }

void Failovers::Spawn(OperationPtr operation) {
  boost::asio::post(room_.reactor.executor(),
                    [this, operation] { tasks_.Spawn(Carry(operation)); });
}

// --- The tasks ---

// Fences that are not released end by themselves, and so do questions to peers; reports are
// completed.
awaitable<void> Failovers::Watch() {
  for (;;) {
    (void)co_await runtime::Sleep(kTick);
    std::function<Status()> tick = [this] {
      room_.owners.Tick();
      NoteReturned();
      NoteEnds();
      return OkStatus();
    };
    (void)co_await RunBlocking<Status>(room_.blocking, room_.reactor, std::move(tick));
  }
}

awaitable<void> Failovers::Carry(OperationPtr operation) {
  Promotion& promotion = operation->promotion;
  while (promotion.next() != Step::kOver) {
    const Step step = promotion.next();
    const bool minted = promotion.minted();
    const Status status = co_await Execute(operation, step);
    if (status.ok()) {
      promotion.OnDone();
    } else if (step == Step::kLift && ++operation->lifts < kMostLifts) {
      (void)co_await runtime::Sleep(kLiftAgain);
    } else if (minted && WasLost(*operation)) {
      promotion.OnLost("another region has taken the topics over at a higher epoch");
    } else {
      LogWarning("failover", "move {}: {}: {}", operation->record.id,
                 checkpoint::FailoverStepName(step), StatusMessage(status));
      promotion.OnFailed(std::string(StatusMessage(status)));
      if (minted) (void)co_await runtime::Sleep(kRetryAfter);
    }
  }
  std::function<Status()> end = [this, operation] { return Finish(*operation); };
  for (;;) {
    const Status finished = co_await RunBlocking<Status>(room_.blocking, room_.reactor, end);
    if (finished.ok()) break;
    LogError("failover", "move {}: its report is not kept yet: {}", operation->record.id,
             StatusMessage(finished));
    (void)co_await runtime::Sleep(kRetryAfter);
  }
}

awaitable<Status> Failovers::Execute(OperationPtr operation, Step step) {
  if (step == Step::kDrain) {
    const Status status = co_await Drain(operation);
    co_return status;
  }
  std::function<Status()> work = [this, operation, step] {
    return ExecuteBlocking(*operation, step);
  };
  const Status status =
      co_await RunBlocking<Status>(room_.blocking, room_.reactor, std::move(work));
  co_return status;
}

bool Failovers::WasLost(const Operation& operation) const {
  return std::ranges::any_of(operation.record.topics, [&](const auto& topic) {
    const auto owner = room_.owners.Find(topic.id);
    return owner.has_value() && owner->owner_name != room_.region;
  });
}

Status Failovers::Finish(Operation& operation) {
  Record& record = operation.record;
  record.step = Step::kOver;
  record.outcome = operation.promotion.outcome();
  record.reason = operation.promotion.reason();
  record.finished = room_.clock.WallNow();
  if (record.outcome != FailoverOutcome::kDone) room_.owners.CancelPromotion(operation.ids);
  RETURN_IF_ERROR(room_.table.Put(record, checkpoint::Sync::kNow));
  busy_.Free(operation.ids);
  Count(record);
  LogInfo("failover", "move {} ({} by link {}): {} {}", record.id,
          checkpoint::FailoverModeName(record.mode), record.link.value(),
          checkpoint::FailoverOutcomeName(record.outcome), record.reason);
  if (const auto link = room_.links.Find(record.link.value())) link->LookSoon();
  return OkStatus();
}

std::shared_ptr<Counter> Failovers::OperationsOf(const LinkName& link, Mode mode,
                                                 FailoverOutcome outcome) const {
  return room_.links.events().counters().GetCounter(
      "atoll_failover_operations_total", "Moves of topics to this region that have ended.",
      {{"link", link.value()},
       {"mode", std::string(checkpoint::FailoverModeName(mode))},
       {"result", std::string(checkpoint::FailoverOutcomeName(outcome))}});
}

void Failovers::NoteEnds() {
  const MonotonicTime now = room_.clock.Now();
  for (const auto& link : room_.links.all()) {
    if (link->config().source.kind == config::SourceKind::kAtoll) continue;
    still_.Note(link->config().name, link->snapshot()->sample.rows, now);
  }
}

// On the blocking shard, as everything that writes reports.
void Failovers::NoteReturned() {
  const std::vector<ReturnedRow> told = told_.Take();
  if (told.empty()) return;
  StatusOr<std::vector<Record>> reports = room_.table.List();
  Status noted = reports.status();
  if (noted.ok()) {
    for (const size_t changed : CompleteReports(told, *reports)) {
      noted = room_.table.Put((*reports)[changed], checkpoint::Sync::kLazy);
      if (!noted.ok()) break;
    }
  }
  // They are told again with the next connection.
  if (!noted.ok()) LogError("failover", "what was set aside: {}", StatusMessage(noted));
}

void Failovers::Count(const Record& record) {
  OperationsOf(record.link, record.mode, record.outcome)->Increment();
  LinkCounters& counters = room_.links.events().counters();
  const Labels link{{"link", record.link.value()}};
  counters
      .GetGauge("atoll_failover_last_duration_seconds",
                "Of the last move: how long nobody accepted records.", link)
      ->Set(ToSeconds(record.unavailable));
  int64_t lost = 0;
  for (const auto& topic : record.topics) {
    for (const auto& partition : topic.partitions) lost += partition.lost_known.value_or(0);
  }
  counters
      .GetGauge("atoll_failover_last_lost_records",
                "Of the last move: records of the old owner that are known to be missing.", link)
      ->Set(static_cast<double>(lost));
}

}  // namespace atl::mirror
