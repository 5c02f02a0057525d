#include "tests/sim/lines.h"

#include <chrono>
#include <variant>

namespace atl::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {
constexpr Duration kSilence = seconds(5);
constexpr Duration kTick = milliseconds(1000);
}  // namespace

void Lines::Start() {
  for (const auto& first : regions_) {
    for (const auto& second : regions_) {
      const Ends ends{first->ordinal().value(), second->ordinal().value()};
      if (ends.first < ends.second) lines_[ends] = {};
    }
  }
  Tick();
}

void Lines::Tick() {
  for (auto& [ends, line] : lines_) Look(ends, line);
  world_.At(kTick, [this] { Tick(); });
}

void Lines::Look(const Ends& ends, Line& line) {
  Region& first = At(ends.first);
  Region& second = At(ends.second);
  const MonotonicTime now = world_.clock.Now();
  if (line.open) {
    const bool alive = first.up() && first.boot() == line.boot_of_first && second.up() &&
                       second.boot() == line.boot_of_second;
    const bool silent = now - line.ways[0].heard > kSilence || now - line.ways[1].heard > kSilence;
    if (!alive || silent) Close(ends, line);
  }
  if (line.open) {
    Put(ends, 0, mirror::Heartbeat{});
    Put(ends, 1, mirror::Heartbeat{});
  } else if (first.up() && second.up()) {
    const uint64_t number = ++line.number;
    network_.Send(ends.first, ends.second, [this, ends, number] {
      network_.Send(ends.second, ends.first, [this, ends, number] { Open(ends, number); });
    });
  }
}

void Lines::Open(const Ends& ends, uint64_t number) {
  Line& line = lines_[ends];
  Region& first = At(ends.first);
  Region& second = At(ends.second);
  if (line.open || line.number != number || !first.up() || !second.up()) return;
  line = {.number = number,
          .open = true,
          .boot_of_first = first.boot(),
          .boot_of_second = second.boot(),
          .ways = {}};
  line.ways[0].heard = line.ways[1].heard = world_.clock.Now();
  first.process().group_sync->OnPeerConnected(RegionName(second.name()));
  second.process().group_sync->OnPeerConnected(RegionName(first.name()));
}

void Lines::Close(const Ends& ends, Line& line) {
  line.open = false;
  Region& first = At(ends.first);
  Region& second = At(ends.second);
  if (first.up()) first.process().group_sync->OnPeerGone(RegionName(second.name()));
  if (second.up()) second.process().group_sync->OnPeerGone(RegionName(first.name()));
}

bool Lines::Send(Region& from, const RegionName& to, const mirror::ControlMessage& message) {
  for (auto& [ends, line] : lines_) {
    const bool first = &At(ends.first) == &from && At(ends.second).name() == to.value();
    const bool second = &At(ends.second) == &from && At(ends.first).name() == to.value();
    if (!first && !second) continue;
    if (!line.open) return false;
    Put(ends, first ? 0 : 1, message);
    return true;
  }
  return false;
}

void Lines::Put(const Ends& ends, int way, const mirror::ControlMessage& message) {
  Line& line = lines_[ends];
  const uint64_t sequence = ++line.ways[way].sent;
  const int from = way == 0 ? ends.first : ends.second;
  const int to = way == 0 ? ends.second : ends.first;
  network_.Send(from, to, [this, ends, way, number = line.number, sequence, message] {
    Arrive(ends, way, number, sequence, message);
  });
}

void Lines::Arrive(const Ends& ends, int way, uint64_t number, uint64_t sequence,
                   const mirror::ControlMessage& message) {
  Line& line = lines_[ends];
  if (!line.open || line.number != number) return;  // Of an old connection.
  Region& to = At(way == 0 ? ends.second : ends.first);
  const Region& from = At(way == 0 ? ends.first : ends.second);
  Way& on = line.ways[way];
  on.early[sequence] = message;
  while (!on.early.empty() && on.early.begin()->first == on.got + 1) {
    const auto next = on.early.extract(on.early.begin());
    ++on.got;
    on.heard = world_.clock.Now();
    const auto* const commits = std::get_if<mirror::GroupCommits>(&next.mapped());
    if (commits == nullptr || !to.up()) continue;
    to.process().group_sync->OnCommits(RegionName(from.name()), *commits);
  }
}

}  // namespace atl::sim
