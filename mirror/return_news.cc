#include "mirror/return_news.h"

#include <algorithm>
#include <utility>

namespace atl::mirror {

void ReturnNews::Join(ControlRooms& rooms) {
  rooms.OnConnected([this](const Hello& hello) { said_[hello.region].clear(); });
  rooms.OnDisconnected([this](const RegionName& peer) { said_.erase(peer); });
  rooms.Every(kSayEvery, [this] { Say(); });
}

void ReturnNews::Say() {
  if (said_.empty()) return;
  const Rows known = Known();
  for (auto& [peer, said] : said_) {
    std::vector<QuarantineNews> messages;
    for (const auto& [key, records] : known) {
      const auto before = said.find(key);
      if (before != said.end() && before->second == records) continue;
      if (messages.empty() || messages.back().rows.size() == kRowsPerMessage) {
        messages.emplace_back();
      }
      const auto& [topic, partition, epoch] = key;
      messages.back().rows.push_back({topic, partition, epoch, records});
    }
    said = known;
    // Lost with its connection, which then says all again.
    for (const QuarantineNews& message : messages) (void)plane_.Send(peer, message);
  }
}

ReturnNews::Rows ReturnNews::Known() const {
  Rows rows;
  const auto view = links_.catalog().view();
  for (const auto& link : links_.all()) {
    if (link->config().source.kind != config::SourceKind::kAtoll) continue;
    for (const auto snapshot = link->snapshot(); const MirrorRow& row : snapshot->sample.rows) {
      // Only these were compared with the owner's history.
      const bool follows =
          row.state == MirrorState::kMirroring || row.state == MirrorState::kCaughtUp;
      const auto topic = follows ? view->Find(row.topic_id) : nullptr;
      if (topic == nullptr || !topic->is_mirror() || topic->frozen) continue;
      rows[{row.topic_id, row.partition, topic->epoch}] = 0;
    }
  }
  for (const QuarantinedTail& tail : quarantine_.List()) {
    rows[{tail.topic_id, tail.partition, tail.new_epoch}] += tail.records;
  }
  return rows;
}

void ReturnedRows::Add(const RegionName& peer, const QuarantineNews& news) {
  MutexLock lock(&mutex_);
  for (const QuarantineNews::Row& row : news.rows) {
    if (rows_.size() < kMost) rows_.push_back({peer, row});
  }
}

std::vector<ReturnedRow> ReturnedRows::Take() {
  MutexLock lock(&mutex_);
  return std::exchange(rows_, {});
}

std::set<size_t> CompleteReports(const std::vector<ReturnedRow>& told,
                                 std::vector<checkpoint::FailoverRecord>& reports) {
  struct Place {
    size_t report = 0;
    checkpoint::FailoverTopic* topic = nullptr;
  };
  std::map<std::pair<RegionName, TopicId>, std::vector<Place>> moves;  // The newest first.
  for (size_t i = 0; i < reports.size(); ++i) {
    if (reports[i].outcome != checkpoint::FailoverOutcome::kDone) continue;
    for (auto& topic : reports[i].topics) {
      moves[{reports[i].source, topic.id}].push_back({i, &topic});
    }
  }
  std::set<size_t> changed;
  for (const auto& [peer, row] : told) {
    const auto found = moves.find({peer, row.topic});
    if (found == moves.end()) continue;
    const auto place = std::ranges::find_if(found->second, [&epoch = row.epoch](const Place& one) {
      return one.topic->new_epoch <= epoch;
    });
    const auto partition = static_cast<size_t>(row.partition.value());
    if (place == found->second.end() || partition >= place->topic->partitions.size()) continue;
    std::optional<int64_t>& quarantined = place->topic->partitions[partition].quarantined;
    // Tails that an operator drops are still what the move cost.
    if (quarantined.has_value() && *quarantined >= row.records) continue;
    quarantined = row.records;
    place->topic->partitions[partition].lost_at_most = row.records;
    changed.insert(place->report);
  }
  return changed;
}

}  // namespace atl::mirror
