// What a former owner tells after its return: how many records it set aside per partition, and that
// it follows. Said to all peers over the control connection, anew in whole after each connection;
// whoever took a topic over completes its reports with it (CompleteReports).
//
// Joins the control plane's rooms before it starts; outlives it. Everything runs on the control
// reactor.
#pragma once

#include <map>
#include <set>
#include <tuple>
#include <vector>

#include "base/mutex.h"
#include "checkpoint/failover_table.h"
#include "mirror/control/control_plane.h"
#include "mirror/control/rooms.h"
#include "mirror/links.h"
#include "mirror/ownership/quarantine.h"

namespace atl::mirror {

class ReturnNews {
 public:
  static constexpr Duration kSayEvery = std::chrono::milliseconds(500);
  static constexpr size_t kRowsPerMessage = 10'000;

  // All outlive this.
  ReturnNews(const Links& links, const Quarantine& quarantine, ControlPlane& plane)
      : links_(links), quarantine_(quarantine), plane_(plane) {}

  void Join(ControlRooms& rooms);

 private:
  using Key = std::tuple<TopicId, PartitionId, LeaderEpoch>;
  using Rows = std::map<Key, int64_t>;
  void Say();
  Rows Known() const;

  const Links& links_;
  const Quarantine& quarantine_;
  ControlPlane& plane_;
  std::map<RegionName, Rows> said_;  // By connected peer.
};

// What one peer told.
struct ReturnedRow {
  RegionName peer;
  QuarantineNews::Row row;
};
// What was told and is in no report yet. Thread-safe, a leaf lock; what is above its bound is
// dropped: it is told again with the next connection.
class ReturnedRows {
 public:
  static constexpr size_t kMost = 100'000;
  void Add(const RegionName& peer, const QuarantineNews& news);
  std::vector<ReturnedRow> Take();

 private:
  Mutex mutex_;
  std::vector<ReturnedRow> rows_ ABSL_GUARDED_BY(mutex_);
};
// Notes the counts in the reports (newest first) of moves away from those peers; answers which of
// them changed. A row belongs to the newest move whose epoch the peer follows. Pure.
std::set<size_t> CompleteReports(const std::vector<ReturnedRow>& told,
                                 std::vector<checkpoint::FailoverRecord>& reports);

}  // namespace atl::mirror
