#include "mirror/stream_sections.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/utf8.h"
#include "mirror/quarantine_routes.h"
#include "mirror/routes.h"
#include "mirror/routes_failover.h"

namespace atl::mirror {
namespace {

namespace json = boost::json;
using broker::StateRows;

constexpr size_t kMostEvents = 200;
constexpr size_t kMostMoves = 100;

// How fast a link's totals rise, over a second or more: less would show the steps in which a link
// refreshes what it shows.
class Throughput {
 public:
  struct Rates {
    std::optional<double> bytes;
    std::optional<double> records;
  };
  Rates Look(MonotonicTime now, double bytes, int64_t records) {
    const double seconds = ToSeconds(now - at_);
    if (known_ && seconds < kSeconds) return rates_;
    if (known_) {
      rates_.bytes = std::round(std::max(0.0, bytes - bytes_) / seconds);
      rates_.records =
          std::round(static_cast<double>(std::max<int64_t>(0, records - records_)) / seconds);
    }
    known_ = true;
    at_ = now;
    bytes_ = bytes;
    records_ = records;
    return rates_;
  }

 private:
  static constexpr double kSeconds = 1;

  bool known_ = false;
  MonotonicTime at_{};
  double bytes_ = 0;
  int64_t records_ = 0;
  Rates rates_;
};

int64_t AppliedOf(const LinkSnapshot& snapshot) {
  int64_t applied = 0;
  for (const MirrorRow& row : snapshot.sample.rows) {
    if (row.applied_end.has_value()) applied += row.applied_end->value();
  }
  return applied;
}

json::value Known(const std::optional<double>& number) {
  return number.has_value() ? json::value(*number) : json::value();
}

class LinkReader {
 public:
  explicit LinkReader(const StreamedRooms& rooms) : rooms_(rooms) {}

  StateRows Read() {
    StateRows rows;
    for (const auto& link : rooms_.links.all()) {
      json::object object = DescribeLink(*link, rooms_.control, rooms_.links.clock());
      const Throughput::Rates rates = RatesOf(*link);
      object["wireBytesPerSecond"] = Known(rates.bytes);
      object["recordsPerSecond"] = Known(rates.records);
      rows[link->config().name.value()] = json::serialize(object);
    }
    return rows;
  }

 private:
  Throughput::Rates RatesOf(const Link& link) {
    const std::string& name = link.config().name.value();
    const auto wire = rooms_.links.events().counters().GetCounter(
        "atoll_link_wire_received_bytes_total", "Bytes that came over the wire from the source.",
        {{"link", name}});
    return throughput_[name].Look(rooms_.links.clock().Now(), wire->Value(),
                                  AppliedOf(*link.snapshot()));
  }

  const StreamedRooms rooms_;
  std::map<std::string, Throughput> throughput_;
};

// The rows of 1,000 partitions are made again only when a link shows something new.
class MirrorReader {
 public:
  explicit MirrorReader(const Links& links) : links_(links) {}

  std::optional<StateRows> Read() {
    Snapshots snapshots;
    for (const auto& link : links_.all()) snapshots.push_back(link->snapshot());
    if (snapshots == shown_) return std::nullopt;
    shown_ = std::move(snapshots);
    StateRows rows;
    for (const auto& snapshot : shown_) {
      for (const MirrorRow& row : snapshot->sample.rows) {
        json::object object = DescribeMirror(row);
        object.erase("lastContact");  // The link's is enough; this one changes with every fetch.
        rows[fmt::format("{} {} {}", row.link.value(), row.topic_id.ToString(),
                         row.partition.value())] = json::serialize(object);
      }
    }
    return rows;
  }

 private:
  using Snapshots = std::vector<std::shared_ptr<const LinkSnapshot>>;

  const Links& links_;
  Snapshots shown_;
};

struct GroupLine {
  int64_t partitions = 0;
  int64_t placed = 0;
  int64_t conflicts = 0;
  int64_t untranslatable = 0;
  std::string reason;  // Of the first that is not placed.

  void Add(const GroupKnowledge& known) {
    ++partitions;
    placed += known.state == GroupSyncState::kPlaced ? 1 : 0;
    conflicts += known.state == GroupSyncState::kConflict ? 1 : 0;
    untranslatable += known.state == GroupSyncState::kUntranslatable ? 1 : 0;
    if (known.state != GroupSyncState::kPlaced && reason.empty()) reason = known.reason;
  }
};

void AddGroupLines(const LinkName& link, const GroupSync& group_sync, StateRows& rows) {
  std::map<std::string, GroupLine> lines;
  for (const GroupKnowledge& known : group_sync.Knowledge(link)) {
    lines[known.group.value()].Add(known);
  }
  for (const auto& [group, line] : lines) {
    const std::string shown = ReplaceBadText(group);
    json::object object;
    object["link"] = link.value();
    object["group"] = shown;
    object["partitions"] = line.partitions;
    object["placed"] = line.placed;
    object["conflicts"] = line.conflicts;
    object["untranslatable"] = line.untranslatable;
    object["reason"] = line.reason;
    rows[link.value() + " " + shown] = json::serialize(object);
  }
}

// Events are read again only when there are new ones.
class EventReader {
 public:
  explicit EventReader(Events& events) : events_(events) {}

  std::optional<StateRows> Read() {
    const uint64_t version = events_.version();
    if (version == version_) return std::nullopt;
    checkpoint::EventFilter filter;
    filter.limit = kMostEvents;
    const auto events = events_.List(filter);
    if (!events.ok()) return std::nullopt;  // The route says why; here what was known stays.
    StateRows rows;
    for (const checkpoint::Event& event : *events) {
      rows[std::to_string(event.id)] = json::serialize(DescribeEvent(event));
    }
    version_ = version;
    return rows;
  }

 private:
  Events& events_;
  uint64_t version_ = 0;
};

StateRows Moves(const Failovers& failovers) {
  StateRows rows;
  const auto moves = failovers.List();
  if (!moves.ok()) return rows;
  for (const auto& move : *moves) {
    if (rows.size() == kMostMoves) break;
    rows[std::to_string(move.id)] = json::serialize(DescribeMove(move));
  }
  return rows;
}

StateRows Tails(const Quarantine& quarantine) {
  StateRows rows;
  for (const QuarantinedTail& tail : quarantine.List()) {
    rows[tail.id] = json::serialize(DescribeTail(tail));
  }
  return rows;
}

}  // namespace

void AddLinkSections(broker::StateStream& stream, const StreamedRooms& rooms) {
  stream.AddSection("links",
                    [reader = std::make_shared<LinkReader>(rooms)] { return reader->Read(); });
  stream.AddSection(
      "mirrors", [reader = std::make_shared<MirrorReader>(rooms.links)] { return reader->Read(); });
  stream.AddSection("linkGroups", [rooms] {
    StateRows rows;
    for (const auto& link : rooms.links.all()) {
      AddGroupLines(link->config().name, rooms.group_sync, rows);
    }
    return rows;
  });
  stream.AddSection("events", [reader = std::make_shared<EventReader>(rooms.links.events())] {
    return reader->Read();
  });
  stream.AddSection("moves", [rooms] { return Moves(rooms.failovers); });
  stream.AddSection("quarantine", [rooms] { return Tails(rooms.quarantine); });
}

}  // namespace atl::mirror
