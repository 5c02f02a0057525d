#include "tests/sim/world.h"

namespace atl::sim {

void World::At(Duration delay, std::function<void()> what) {
  queue_.emplace(std::pair(clock.Now() + delay, next_event_++), std::move(what));
}

bool World::RunOne() {
  if (failure_ || queue_.empty()) return false;
  auto next = queue_.extract(queue_.begin());
  if (next.key().first > clock.Now()) clock.Advance(next.key().first - clock.Now());
  next.mapped()();
  return !failure_;
}

void World::Fail(std::string invariant, std::string what) {
  Note("BROKEN {}: {}", invariant, what);
  if (!failure_) failure_ = Failure{std::move(invariant), std::move(what)};
}

void World::AddLine(std::string line) {
  constexpr size_t kKept = 400;
  constexpr uint64_t kPrime = 0x100000001b3;  // FNV-1a
  std::string stamped =
      fmt::format("{:10.3f} {}", ToSeconds(clock.Now().time_since_epoch()) - 3600, line);
  for (const char c : stamped) hash_ = (hash_ ^ static_cast<unsigned char>(c)) * kPrime;
  lines_.push_back(std::move(stamped));
  if (lines_.size() > kKept) lines_.pop_front();
}

}  // namespace atl::sim
