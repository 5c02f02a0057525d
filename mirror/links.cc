#include "mirror/links.h"

#include <algorithm>

namespace atl::mirror {

Links::Links(const std::vector<config::Link>& links, const LinkContext& context, uint64_t seed)
    : context_(context),
      random_(seed),
      events_(context.events),
      clock_(context.clock),
      catalog_(context.catalog) {
  MutexLock lock(&mutex_);
  for (const config::Link& link : links) {
    links_.push_back(std::make_shared<Link>(link, context_, random_.Next()));
  }
  collector_ =
      context.metrics.AddCollector([this](std::vector<MetricFamily>& out) { Collect(out); });
}

Links::~Links() { collector_.reset(); }

void Links::Start() {
  for (const auto& link : all()) link->Start();
}

void Links::Stop() {
  for (const auto& link : all()) link->Stop();
}

void Links::StopOthers(const std::vector<config::Link>& wanted) {
  std::vector<std::shared_ptr<Link>> kept;
  std::vector<std::shared_ptr<Link>> others;
  for (std::shared_ptr<Link>& link : all()) {
    const bool stays = std::ranges::find(wanted, link->config()) != wanted.end();
    (stays ? kept : others).push_back(std::move(link));
  }
  // Out of sight before it stops, so that nobody finds one that does nothing.
  {
    MutexLock lock(&mutex_);
    links_ = std::move(kept);
  }
  for (const auto& link : others) link->Stop();
}

void Links::StartMissing(const std::vector<config::Link>& wanted) {
  std::vector<std::shared_ptr<Link>> ordered;
  std::vector<std::shared_ptr<Link>> fresh;
  for (const config::Link& config : wanted) {
    std::shared_ptr<Link> link = Find(config.name.value());
    if (link == nullptr) {
      link = std::make_shared<Link>(config, context_, random_.Next());
      fresh.push_back(link);
    }
    ordered.push_back(std::move(link));
  }
  {
    MutexLock lock(&mutex_);
    links_ = std::move(ordered);
  }
  for (const auto& link : fresh) link->Start();
}

std::vector<std::shared_ptr<Link>> Links::all() const {
  MutexLock lock(&mutex_);
  return links_;
}

std::shared_ptr<Link> Links::Find(std::string_view name) const {
  MutexLock lock(&mutex_);
  const auto found = std::find_if(links_.begin(), links_.end(), [name](const auto& link) {
    return link->config().name.value() == name;
  });
  return found == links_.end() ? nullptr : *found;
}

bool Links::IsDiverged(const LinkName& link, const TopicId& topic, PartitionId partition) const {
  const std::shared_ptr<const Link> found = Find(link.value());
  if (found == nullptr) return false;
  const auto snapshot = found->snapshot();
  const std::vector<MirrorRow>& rows = snapshot->sample.rows;
  return std::any_of(rows.begin(), rows.end(), [&](const MirrorRow& row) {
    return row.topic_id == topic && row.partition == partition &&
           row.state == MirrorState::kDiverged;
  });
}

void Links::Collect(std::vector<MetricFamily>& out) const {
  std::vector<LinkSample> samples;
  for (const auto& link : all()) samples.push_back(link->snapshot()->sample);
  AppendLinkFamilies(samples, clock_.WallNow(), context_.partition_series, out);
}

}  // namespace atl::mirror
