#include "mirror/pull/broker_pull.h"

#include <algorithm>
#include <utility>

namespace atl::mirror {
namespace {

int64_t CountBacklogged(const Fetcher& fetcher) {
  return std::count_if(
      fetcher.partitions().begin(), fetcher.partitions().end(),
      [](const PartitionPtr& partition) { return Fetcher::Backlogged(*partition); });
}

}  // namespace

BrokerPull::BrokerPull(const Room& room, Fetcher::Options options, Random random)
    : room_(room), options_(options), random_(random) {}

void BrokerPull::Open() {
  fetchers_.push_back(std::make_unique<Fetcher>(room_.reactor, room_.source, room_.sink, room_.host,
                                                room_.budget, options_, random_.Next()));
  Fetcher& fetcher = *fetchers_.back();
  fetcher.AtIdlePoint([this](Fetcher& idle) { Rebalance(idle); });
  room_.group.Spawn(fetcher.Run());
}

void BrokerPull::Add(PartitionPtr partition) {
  retired_ = false;
  const bool serving = !fetchers_.empty() && !fetchers_.front()->retired();
  if (!serving) {
    Open();
    std::rotate(fetchers_.begin(), std::prev(fetchers_.end()), fetchers_.end());
  }
  fetchers_.front()->Add(std::move(partition));
}

void BrokerPull::Retire() {
  retired_ = true;
  for (const auto& fetcher : fetchers_) fetcher->Retire();
}

ByteCount BrokerPull::received_bytes() const {
  ByteCount sum = past_received_;
  for (const auto& fetcher : fetchers_) sum += fetcher->received_bytes();
  return sum;
}

void BrokerPull::Update(MonotonicTime now, size_t brokers) {
  for (auto it = fetchers_.begin(); it != fetchers_.end();) {
    if (!(*it)->ended()) {
      ++it;
      continue;
    }
    past_received_ += (*it)->received_bytes();
    it = fetchers_.erase(it);
  }
  if (retired_ || fetchers_.empty()) return;
  SlotPlan::Sample sample;
  sample.now = now;
  sample.received = received_bytes();
  for (const auto& fetcher : fetchers_) {
    sample.backlogged += static_cast<int>(CountBacklogged(*fetcher));
    const std::optional<Duration> round_trip = fetcher->path().round_trip;
    if (!round_trip.has_value()) continue;
    sample.round_trip = std::min(sample.round_trip.value_or(*round_trip), *round_trip);
  }
  const auto wanted = static_cast<size_t>(plan_.Update(sample));
  size_t serving = 0;
  for (const auto& fetcher : fetchers_) {
    if (fetcher->retired()) continue;
    if (++serving > wanted) fetcher->Retire();
  }
  for (; serving < wanted; ++serving) Open();
  const ByteCount share(room_.budget.capacity().value() /
                        static_cast<int64_t>(2 * std::max<size_t>(1, wanted * brokers)));
  for (const auto& fetcher : fetchers_) fetcher->set_budget_share(share);
}

Fetcher* BrokerPull::Roomiest(const Fetcher& except) {
  Fetcher* best = nullptr;
  for (const auto& fetcher : fetchers_) {
    if (fetcher.get() == &except || fetcher->retired()) continue;
    if (best == nullptr || CountBacklogged(*fetcher) < CountBacklogged(*best)) {
      best = fetcher.get();
    }
  }
  return best;
}

// Between two fetches of `fetcher`: a retired one gives everything away, another one its surplus of
// backlogged partitions.
void BrokerPull::Rebalance(Fetcher& fetcher) {
  const auto serving = std::count_if(fetchers_.begin(), fetchers_.end(),
                                     [](const auto& other) { return !other->retired(); });
  if (serving == 0 || (serving == 1 && !fetcher.retired())) return;
  int64_t backlogged = 0;
  for (const auto& other : fetchers_) backlogged += CountBacklogged(*other);
  const int64_t share = (backlogged + serving - 1) / serving;
  int64_t surplus = CountBacklogged(fetcher) - share;
  const std::vector<PartitionPtr> partitions = fetcher.partitions();
  for (const PartitionPtr& partition : partitions) {
    const bool backlog = Fetcher::Backlogged(*partition);
    if (!fetcher.retired() && (surplus <= 0 || !backlog)) continue;
    Fetcher* const to = Roomiest(fetcher);
    if (to == nullptr) return;
    const bool fits = fetcher.retired() || CountBacklogged(*to) < share;
    if (!fits) return;
    fetcher.Remove(*partition);
    to->Add(partition);
    if (backlog) --surplus;
  }
}

}  // namespace atl::mirror
