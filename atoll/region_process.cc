#include "atoll/region_process.h"

#include <signal.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>

#include "atoll/embedded.h"
#include "atoll/identity.h"
#include "atoll/process_metrics.h"
#include "atoll/ticker.h"
#include "atoll/version.h"
#include "base/failpoint.h"
#include "base/logging.h"
#include "checkpoint/event_table.h"
#include "checkpoint/extent_table.h"
#include "checkpoint/failover_table.h"
#include "checkpoint/mirror_table.h"
#include "checkpoint/ownership_table.h"
#include "checkpoint/partition_state_table.h"
#include "checkpoint/rocks_store.h"
#include "checkpoint/topic_table.h"
#include "core-broker/admin/api_description.h"
#include "core-broker/admin/files.h"
#include "core-broker/admin/health.h"
#include "core-broker/admin/http_server.h"
#include "core-broker/admin/metrics_page.h"
#include "core-broker/admin/readiness.h"
#include "core-broker/admin/state_stream.h"
#include "core-broker/server/group_lag.h"
#include "core-broker/server/group_routes.h"
#include "core-broker/server/group_topics.h"
#include "core-broker/server/kafka_exporter_page.h"
#include "core-broker/server/listener.h"
#include "core-broker/server/topic_routes.h"
#include "mirror/control/control_plane.h"
#include "mirror/control/rooms.h"
#include "mirror/control_routes.h"
#include "mirror/failover_watch.h"
#include "mirror/failovers.h"
#include "mirror/lease/lease_keeper.h"
#include "mirror/lease/lease_routes.h"
#include "mirror/links.h"
#include "mirror/offset_routes.h"
#include "mirror/offsets/fan_in.h"
#include "mirror/offsets/group_sync.h"
#include "mirror/offsets/local_copies.h"
#include "mirror/ownership/gate.h"
#include "mirror/ownership/owners.h"
#include "mirror/ownership_rooms.h"
#include "mirror/pull/local_sink.h"
#include "mirror/quarantine_routes.h"
#include "mirror/region_positions.h"
#include "mirror/return_news.h"
#include "mirror/routes.h"
#include "mirror/routes_failover.h"
#include "mirror/stream_sections.h"
#include "mirror/verify/digest_service.h"
#include "mirror/verify_routes.h"
#include "runtime/hardware.h"
#include "runtime/signal.h"

namespace atl {
namespace {

Failpoint serving("start.serving");

constexpr Duration kDigestsPatience = std::chrono::seconds(10);
constexpr Duration kDrainPatience = std::chrono::seconds(10);

broker::TopicConfig RegionDefaults(const config::Storage& storage) {
  std::map<std::string, std::string> defaults;
  defaults["segment.bytes"] = std::to_string(storage.segment_bytes.value());
  defaults["retention.ms"] = std::to_string(
      std::chrono::duration_cast<std::chrono::milliseconds>(storage.retention).count());
  if (storage.retention_bytes)
    defaults["retention.bytes"] = std::to_string(storage.retention_bytes->value());
  defaults["atoll.durability"] = storage.durability == config::Durability::kFsync ? "fsync" : "os";
  return broker::TopicConfig(std::move(defaults), {});
}

broker::BrokerConfig BrokerConfigOf(const config::Region& region, const Uuid& cluster_id) {
  broker::BrokerConfig config;
  config.cluster_id = cluster_id;
  config.node_id = NodeId(region.ordinal.value());
  config.region = region.name;
  config.data_folder = region.data_dir;
  config.advertised_host = region.kafka.advertise.host;
  config.advertised_port = region.kafka.advertise.port;
  config.auto_create = region.topics.auto_create;
  config.default_partitions = region.topics.default_partitions;
  config.replication_factor_clamp = region.topics.replication_factor_clamp;
  return config;
}

mirror::Hello SelfOf(const config::Region& region, const Uuid& cluster_id) {
  mirror::Hello self;
  self.cluster_id = cluster_id.ToString();
  self.region = region.name;
  self.ordinal = region.ordinal;
  self.software = fmt::format("atoll {}", kVersion);
  return self;
}

broker::GroupConfig GroupConfigOf(const config::Groups& groups) {
  broker::GroupConfig config;
  config.limits.initial_rebalance_delay = groups.initial_rebalance_delay;
  config.limits.min_session = groups.min_session_timeout;
  config.limits.max_session = groups.max_session_timeout;
  config.offsets_retention = groups.offsets_retention;
  return config;
}

mirror::LeaseKeeper::Options LeaseOptions(const config::Region& region, Random& random) {
  mirror::LeaseKeeper::Options options;
  for (const config::Endpoint& endpoint : region.lease.etcd) {
    options.endpoints.push_back({endpoint.host, endpoint.port});
  }
  options.prefix = region.lease.prefix;
  options.ttl = region.lease.ttl;
  options.region = region.ordinal;
  options.instance = fmt::format("{} {:x}", region.name.value(), random.Next());
  return options;
}

}  // namespace

// Declared in the order in which they are built; destroyed in reverse.
struct RegionProcess::Parts {
  Parts(const config::Config& c, std::unique_ptr<checkpoint::Store> s,
        std::unique_ptr<checkpoint::EventTable> e)
      : config(c),
        store(std::move(s)),
        topics(*store),
        states(*store),
        ownership_table(*store),
        failover_table(*store),
        region_table(*store),
        mirror_table(*store),
        extent_table(*store),
        event_table(std::move(e)),
        random(SystemSeed()),
        reactors(runtime::HardwareThreads()),
        admin_reactor("admin"),
        shards(runtime::HardwareThreads(), PosixFileSystem(), c.region.data_dir, metrics),
        blocking(1, PosixFileSystem(), c.region.data_dir, metrics),
        link_blocking(1, PosixFileSystem(), c.region.data_dir, metrics),
        move_blocking(1, PosixFileSystem(), c.region.data_dir, metrics),
        sync_shard(1, PosixFileSystem(), c.region.data_dir, metrics),
        link_copying(1, PosixFileSystem(), c.region.data_dir, metrics),
        verifying(2, PosixFileSystem(), c.region.data_dir, metrics),
        streaming(1, PosixFileSystem(), c.region.data_dir, metrics),
        gate(c.region.ordinal),
        fan_in(extent_table),
        catalog({.data_folder = c.region.data_dir,
                 .region = c.region.ordinal,
                 .defaults = RegionDefaults(c.region.storage),
                 .seed = random.Next(),
                 .partition_series = c.region.metrics.partition_series},
                {PosixFileSystem(), SystemClock(), metrics, states, gate, &fan_in}, topics, shards),
        producer_ids(region_table, c.region.ordinal,
                     [this] { return catalog.NextProducerCounter(); }),
        session_ids(random.Next()),
        group_shard(1, PosixFileSystem(), c.region.data_dir, metrics),
        groups(GroupConfigOf(c.region.groups), *store, group_shard, SystemClock(), random.Next()),
        events(*event_table, metrics),
        sink(catalog, shards),
        owners({.catalog = catalog,
                .table = ownership_table,
                .gate = gate,
                .clock = SystemClock(),
                .metrics = metrics,
                .region = c.region.name,
                .ordinal = c.region.ordinal,
                .links = c.links}) {}

  const config::Config config;
  Metrics metrics;
  std::unique_ptr<checkpoint::Store> store;
  checkpoint::TopicTable topics;
  checkpoint::PartitionStateTable states;
  checkpoint::OwnershipTable ownership_table;
  checkpoint::FailoverTable failover_table;
  checkpoint::RegionTable region_table;
  checkpoint::MirrorTable mirror_table;
  checkpoint::ExtentTable extent_table;
  std::unique_ptr<checkpoint::EventTable> event_table;
  Random random;
  runtime::ReactorPool reactors;
  runtime::Reactor admin_reactor;
  runtime::StorageShards shards;
  runtime::StorageShards blocking;
  runtime::StorageShards link_blocking;
  runtime::StorageShards move_blocking;  // Of planned and forced moves.
  runtime::StorageShards sync_shard;     // The group sync's own.
  runtime::StorageShards link_copying;
  runtime::StorageShards verifying;  // 0: links compare, 1: peers are answered.
  runtime::StorageShards streaming;  // Reads for the event stream.
  mirror::OwnerLease lease{SystemClock()};
  mirror::CatalogGate gate;
  mirror::FanIn fan_in;
  broker::Catalog catalog;
  broker::ProducerIds producer_ids;
  broker::FetchSessionIds session_ids;
  runtime::StorageShards group_shard;
  broker::Coordinator groups;
  std::unique_ptr<broker::GroupTopics> group_topics;
  mirror::Events events;
  std::unique_ptr<mirror::Quarantine> quarantine;
  mirror::LocalSink sink;
  mirror::Owners owners;
  std::unique_ptr<broker::Broker> broker;
  std::unique_ptr<broker::Listener> listener;
  std::unique_ptr<mirror::LeaseKeeper> lease_keeper;  // Null: operator mode.
  std::unique_ptr<mirror::Links> links;
  std::unique_ptr<mirror::LocalCopies> copies;
  std::unique_ptr<mirror::GroupSync> group_sync;
  mirror::ControlRooms control_rooms;
  std::unique_ptr<mirror::ControlPlane> control;
  std::unique_ptr<mirror::RegionPositions> positions;
  std::unique_ptr<mirror::ReturnNews> return_news;
  std::unique_ptr<mirror::Failovers> failovers;
  std::unique_ptr<mirror::DigestService> digests;
  broker::Health health;
  broker::Readiness readiness{
      {SystemClock(), PosixFileSystem(), config.region.data_dir, kIdentityFile, shards}};
  const broker::ApiDescription api{OpenApiText()};
  broker::Router router;
  std::unique_ptr<LiveConfig> live_config;
  broker::StateStream stream{admin_reactor, streaming, SystemClock()};
  std::unique_ptr<broker::HttpServer> http;
  std::vector<std::shared_ptr<void>> collectors;
  std::unique_ptr<Ticker> ticker;
  bool running = false;

  Status Recover();
  void TellGate(const config::Config& now);
  Status CheckIdle(const std::vector<config::DocumentChange>& changes) const;
  void TakeOver(const config::Config& now);
  mirror::LinkContext LinkContextOf(const std::string& cluster_id);
  void Speak(const Uuid& cluster_id);
  StatusOr<mirror::Digests> AskDigests(const RegionName& peer,
                                       const mirror::DigestsRequest& request);
  Status Bind();
  config::Endpoint control_address() const;
  void Wire();
  Status Run();
};

Status RegionProcess::Parts::Recover() {
  ASSIGN_OR_RETURN(const IdentityOutcome identity,
                   LoadIdentity(PosixFileSystem(), config.region.data_dir, region_table,
                                config.region.name, config.region.ordinal, random));
  ASSIGN_OR_RETURN(const std::optional<WallTime> clean_stop, region_table.TakeCleanShutdown());
  ASSIGN_OR_RETURN(
      quarantine,
      mirror::Quarantine::Open(PosixFileSystem(), metrics,
                               JoinPath(config.region.data_dir, "quarantine"), config.region.name));
  if (config.region.lease.enabled()) {
    gate.UseLease(&lease);
    lease_keeper = std::make_unique<mirror::LeaseKeeper>(LeaseOptions(config.region, random), lease,
                                                         catalog, SystemClock());
  }
  gate.Follow(catalog);
  TellGate(config);
  const bool unclean = !identity.is_new && !clean_stop;
  RETURN_IF_ERROR(fan_in.Load());
  ASSIGN_OR_RETURN(const std::set<TopicId> kept, owners.Load());
  RETURN_IF_ERROR(catalog.Load(unclean, kept));
  owners.Start(unclean);
  const auto has_topic = [view = catalog.view()](const TopicId& id) {
    return view->Find(id) != nullptr;
  };
  RETURN_IF_ERROR(fan_in.DropGone(has_topic));
  RETURN_IF_ERROR(groups.Load());
  group_topics = std::make_unique<broker::GroupTopics>(catalog, groups);
  broker.reset(
      new broker::Broker{.config = BrokerConfigOf(config.region, identity.identity.cluster_id),
                         .catalog = catalog,
                         .gate = gate,
                         .files = PosixFileSystem(),
                         .shards = shards,
                         .blocking = blocking,
                         .producer_ids = producer_ids,
                         .session_ids = session_ids,
                         .groups = groups,
                         .metrics = metrics,
                         .clock = SystemClock()});
  links = std::make_unique<mirror::Links>(
      config.links, LinkContextOf(identity.identity.cluster_id.ToString()), random.Next());
  copies = std::make_unique<mirror::LocalCopies>(
      catalog, owners, events, fan_in, config.links,
      [this](const LinkName& link, const TopicId& topic, PartitionId partition) {
        return links->IsDiverged(link, topic, partition);
      });
  Speak(identity.identity.cluster_id);
  RETURN_IF_ERROR(group_sync->Restore());
  ticker = std::make_unique<Ticker>(
      Ticker::Room{admin_reactor, blocking, *store, catalog, groups, *quarantine, readiness});
  return OkStatus();
}

// What the gate's answers and refusals go by besides the catalogue.
void RegionProcess::Parts::TellGate(const config::Config& now) {
  std::vector<mirror::CreationRule> rules;
  for (const config::OwnershipRule& rule : now.region.ownership) {
    rules.push_back({rule.topics, rule.owner});
  }
  gate.SetCreationRules(config.region.name, std::move(rules));
  std::map<LinkName, RegionName> sources;
  std::map<TopicName, std::vector<LinkName>> fan_ins;
  for (const config::Link& link : now.links) {
    sources.emplace(link.name, link.source.region);
    if (!link.target_topic.empty()) fan_ins[link.target_topic].push_back(link.name);
  }
  gate.NameSources(std::move(sources));
  gate.NameFanIns(std::move(fan_ins));
}

// A move leans on its link from beginning to end.
Status RegionProcess::Parts::CheckIdle(const std::vector<config::DocumentChange>& changes) const {
  ASSIGN_OR_RETURN(const std::vector<checkpoint::FailoverRecord> moves, failovers->List());
  for (const checkpoint::FailoverRecord& move : moves) {
    if (move.outcome != checkpoint::FailoverOutcome::kRunning) continue;
    for (const config::DocumentChange& change : changes) {
      if (change.kind == "Link" && change.name == move.link.value())
        return FailedPrecondition("move {} by link `{}` runs; wait until it has ended", move.id,
                                  change.name);
    }
  }
  return OkStatus();
}

// On the admin reactor. Links that change stop first, then whoever looks at links learns which
// there are, then the new ones start.
void RegionProcess::Parts::TakeOver(const config::Config& now) {
  links->StopOthers(now.links);
  TellGate(now);
  owners.SetLinks(now.links);
  copies->SetLinks(now.links);
  group_sync->SetLinks(now.links);
  control->SetLinks(now.links);
  links->StartMissing(now.links);
}

mirror::LinkContext RegionProcess::Parts::LinkContextOf(const std::string& cluster_id) {
  return mirror::LinkContext{
      .reactors = reactors,
      .blocking = link_blocking,
      .copying = link_copying,
      .verifying = verifying,
      .clock = SystemClock(),
      .metrics = metrics,
      .catalog = catalog,
      .owners = owners,
      .store = *store,
      .table = mirror_table,
      .events = events,
      .quarantine = *quarantine,
      .sink = sink,
      .shards = shards,
      .fan_in = fan_in,
      .cluster_id = cluster_id,
      .region = config.region.name,
      .partition_series = config.region.metrics.partition_series,
      .cut_groups = [this](const TopicName& topic, PartitionId partition,
                           Offset cut) { return group_sync->OnCut(topic, partition, cut); },
      .ask_digests =
          [this](const RegionName& peer, const mirror::DigestsRequest& request) {
            return AskDigests(peer, request);
          }};
}

// The control plane, and whoever speaks or listens over it: each joins control_rooms.
void RegionProcess::Parts::Speak(const Uuid& cluster_id) {
  control = std::make_unique<mirror::ControlPlane>(
      mirror::ControlPlane::Options{.self = SelfOf(config.region, cluster_id),
                                    .listener = config.region.control,
                                    .links = config.links,
                                    .seed = random.Next()},
      metrics, SystemClock());
  positions = std::make_unique<mirror::RegionPositions>(
      *links, catalog, *control, metrics, SystemClock(), config.region.metrics.partition_series);
  positions->Join(control_rooms);
  return_news = std::make_unique<mirror::ReturnNews>(*links, *quarantine, *control);
  return_news->Join(control_rooms);
  group_sync = std::make_unique<mirror::GroupSync>(
      mirror::GroupSync::Room{
          reactors.Next(), sync_shard, SystemClock(), metrics, catalog, groups, *store, *copies,
          [this](const RegionName& peer, const mirror::ControlMessage& message) {
            return control->Send(peer, message);
          }},
      config.links, random.Next());
  group_sync->Join(control_rooms);
  mirror::JoinOwnership(control_rooms, {owners, *links, catalog, link_blocking});
  failovers =
      std::make_unique<mirror::Failovers>(mirror::Failovers::Room{.reactor = admin_reactor,
                                                                  .blocking = move_blocking,
                                                                  .clock = SystemClock(),
                                                                  .catalog = catalog,
                                                                  .owners = owners,
                                                                  .links = *links,
                                                                  .control = *control,
                                                                  .group_sync = *group_sync,
                                                                  .sink = sink,
                                                                  .table = failover_table,
                                                                  .region = config.region.name},
                                          random.Next());
  failovers->Join(control_rooms);
  digests = std::make_unique<mirror::DigestService>(catalog, verifying, 1);
  digests->Join(control_rooms);
}

StatusOr<mirror::Digests> RegionProcess::Parts::AskDigests(const RegionName& peer,
                                                           const mirror::DigestsRequest& request) {
  ASSIGN_OR_RETURN(mirror::ControlAnswer answer, control->Call(peer, request, kDigestsPatience));
  mirror::Digests* const digests_of_peer = std::get_if<mirror::Digests>(&answer);
  if (digests_of_peer == nullptr) return InvalidArgument("{} answers no digests", peer.value());
  return std::move(*digests_of_peer);
}

// What links of other regions write as their source's control address.
config::Endpoint RegionProcess::Parts::control_address() const {
  config::Endpoint address = config.region.control->advertise;
  if (address.port == 0) address.port = static_cast<uint16_t>(control->port());
  return address;
}

Status RegionProcess::Parts::Bind() {
  const config::Endpoint& kafka = config.region.kafka.bind;
  listener = std::make_unique<broker::Listener>(*broker, reactors);
  RETURN_IF_ERROR(listener->Open(kafka.host, kafka.port));
  if (broker->config.advertised_port == 0) broker->config.advertised_port = listener->port();
  RETURN_IF_ERROR(control->Open());
  const config::Endpoint& admin = config.region.admin.bind;
  http = std::make_unique<broker::HttpServer>(admin_reactor, router, broker::HttpLimits(), &stream);
  return http->Open(admin.host, admin.port);
}

// Routes, health and metrics: all that looks at the parts from outside.
void RegionProcess::Parts::Wire() {
  health.Register(router);
  readiness.AddChecks(health);
  health.AddCheck("kafka-listener", [this] {
    return listener->is_open() ? OkStatus() : Unavailable("it takes no connections");
  });
  mirror::AddControlCheck(health, *control);
  broker::AddPartitionCheck(health, *broker);
  broker::RegisterMetricsPage(router, metrics);
  broker::RegisterKafkaExporterPage(router, *broker);
  broker::RegisterTopicRoutes(router, *broker);
  broker::RegisterGroupRoutes(router, *broker);
  const config::Endpoint kafka{broker->config.advertised_host,
                               static_cast<uint16_t>(broker->config.advertised_port)};
  const config::Endpoint admin{config.region.admin.bind.host, static_cast<uint16_t>(http->port())};
  const broker::StatusFacts facts{
      .ordinal = config.region.ordinal,
      .version = kVersion,
      .kafka_address = kafka.ToString(),
      .admin_address = admin.ToString(),
      .control_address = config.region.control ? control_address().ToString() : std::string(),
      .grafana = config.region.console.grafana,
      .started = SystemClock().Now()};
  broker::RegisterStatusRoute(router, *broker, facts);
  broker::AddTopicSections(stream, *broker, facts);
  broker::AddGroupSection(stream, *broker);
  mirror::RegisterRoutes(router, *links, *control);
  mirror::RegisterControlRoutes(router, *control, *positions, catalog, SystemClock());
  mirror::RegisterTranslateRoute(router, *links, *copies);
  mirror::RegisterGroupSyncRoute(router, *links, *group_sync);
  mirror::RegisterFailoverRoutes(router, {*failovers, owners, *links, catalog});
  mirror::RegisterQuarantineRoutes(
      router, {*links, *quarantine, reactors, link_copying, {kafka.host, kafka.port}});
  mirror::RegisterVerifyRoutes(router, *links);
  collectors.push_back(mirror::WatchFailover(metrics, *links, *failovers));
  live_config->Register(router);
  mirror::AddLinkSections(stream, {*links, *control, *group_sync, *failovers, *quarantine});
  collectors.push_back(
      mirror::RegisterLeaseRoutes(router, lease_keeper != nullptr ? &lease : nullptr, metrics));
  collectors.push_back(AddProcessMetrics(metrics, config.region.data_dir));
  collectors.push_back(broker::AddGroupMetrics(metrics, catalog, groups, SystemClock(),
                                               config.region.metrics.partition_series));
  collectors.push_back(AddReactorMetrics(metrics, reactors, admin_reactor));
  broker::RegisterStreamRoute(router);
  broker::RegisterFiles(router, ConsoleFiles());
  broker::RegisterApiDescription(router, api);
}

Status RegionProcess::Parts::Run() {
  reactors.Start();
  admin_reactor.Start();
  readiness.Look(OkStatus());
  stream.Start();
  http->Start();
  listener->Start();
  if (lease_keeper != nullptr) lease_keeper->Start();
  links->Start();
  control->Start(control_rooms.Handlers(SelfOf(config.region, broker->config.cluster_id)));
  group_sync->Start();
  ticker->Start();
  running = true;
  const Status resumed = failovers->Start();
  readiness.Enter(broker::Readiness::Phase::kServing);
  return resumed;
}

RegionProcess::RegionProcess(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

RegionProcess::~RegionProcess() = default;

StatusOr<std::unique_ptr<RegionProcess>> RegionProcess::Start(LoadedConfig loaded) {
  const std::string folder = loaded.config.region.data_dir;
  RETURN_IF_ERROR(PosixFileSystem().CreateFolders(folder));
  ASSIGN_OR_RETURN(std::unique_ptr<checkpoint::Store> store,
                   checkpoint::RocksStore::Open(JoinPath(folder, "checkpoint")));
  ASSIGN_OR_RETURN(std::unique_ptr<checkpoint::EventTable> events,
                   checkpoint::EventTable::Open(*store));
  auto parts = std::make_unique<Parts>(loaded.config, std::move(store), std::move(events));
  parts->live_config = std::make_unique<LiveConfig>(
      std::move(loaded), config::SystemEnvironment(),
      LiveConfig::Hooks{[p = parts.get()](const auto& changes) { return p->CheckIdle(changes); },
                        [p = parts.get()](const config::Config& now) { p->TakeOver(now); }},
      parts->metrics, SystemClock());
  RETURN_IF_ERROR(parts->Recover());
  RETURN_IF_ERROR(parts->Bind());
  parts->Wire();
  std::unique_ptr<RegionProcess> process(new RegionProcess(std::move(parts)));
  if (const Status ran = process->parts_->Run(); !ran.ok()) {
    LogError("atoll", "moves that a stop interrupted can't be taken up: {}", StatusMessage(ran));
  }
  serving.Pass();
  return process;
}

std::string RegionProcess::ReadyLine() const {
  const broker::BrokerConfig& kafka = parts_->broker->config;
  const config::Endpoint advertised{kafka.advertised_host,
                                    static_cast<uint16_t>(kafka.advertised_port)};
  const config::Endpoint admin{parts_->config.region.admin.bind.host,
                               static_cast<uint16_t>(parts_->http->port())};
  std::string line = fmt::format("ready region={} kafka={} admin={}", kafka.region.value(),
                                 advertised.ToString(), admin.ToString());
  if (parts_->config.region.control) {
    line += fmt::format(" control={}", parts_->control_address().ToString());
  }
  return line;
}

void RegionProcess::WaitForStop() {
  runtime::Reactor& reactor = parts_->admin_reactor;
  for (;;) {
    const int signal = boost::asio::co_spawn(reactor.executor(), runtime::WaitForSignal(reactor),
                                             boost::asio::use_future)
                           .get();
    if (signal != SIGHUP) return;
    const auto reload = [this] { (void)parts_->live_config->Reload(); };
    boost::asio::post(reactor.executor(), boost::asio::use_future(reload)).get();
  }
}

Status RegionProcess::Stop() {
  Parts& parts = *parts_;
  parts.readiness.Enter(broker::Readiness::Phase::kStopping);
  if (!parts.listener->Drain(kDrainPatience)) {  // Meanwhile /readyz says so.
    LogWarning("atoll", "stopping with answers that some clients did not take within {} s",
               std::chrono::duration_cast<std::chrono::seconds>(kDrainPatience).count());
  }
  parts.http->Stop();  // A handler may wait for what comes next.
  parts.stream.Stop();
  parts.streaming.Stop();
  parts.failovers->Stop();
  parts.group_sync->Stop();
  parts.control->Stop();
  parts.links->Stop();
  parts.listener->Stop();
  if (parts.lease_keeper != nullptr) parts.lease_keeper->Stop();
  parts.ticker->Stop();
  parts.groups.Drain();
  const Status closed = parts.catalog.Close();
  parts.shards.Stop();
  parts.blocking.Stop();
  parts.link_blocking.Stop();
  parts.move_blocking.Stop();
  parts.link_copying.Stop();  // It clamps groups' offsets.
  parts.sync_shard.Stop();
  parts.group_shard.Stop();  // After all that may place offsets.
  parts.verifying.Stop();
  parts.reactors.Stop();
  parts.admin_reactor.Stop();
  RETURN_IF_ERROR(closed);
  return parts.region_table.PutCleanShutdown(SystemClock().WallNow());
}

}  // namespace atl
