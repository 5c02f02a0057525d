// The fields of kind Region.
#include <algorithm>
#include <array>
#include <cctype>

#include "region-config/schema.h"
#include "region-config/topic_filter.h"
#include "region-config/write.h"

namespace atl::config {
namespace {

constexpr std::array<std::string_view, 1> kVersions = {"atoll/v1"};
constexpr std::array<std::string_view, 1> kKinds = {"Region"};
constexpr std::array<std::string_view, 2> kDurabilities = {"fsync", "os"};
constexpr std::array<std::string_view, 2> kOwnershipKeys = {"topics", "owner"};
constexpr int64_t kMinSegmentBytes = 64 * 1024;
constexpr int64_t kMaxSegmentBytes = (int64_t{1} << 31) - 1;  // Kafka's index has 32-bit positions.

void ReadSegmentBytes(const FieldReader& in, Region& out) {
  const std::optional<ByteCount> size = in.Size();
  if (!size) return;
  if (size->value() < kMinSegmentBytes || size->value() > kMaxSegmentBytes)
    return in.Refuse("is not between 64KiB and 2GiB (less one byte)");
  out.storage.segment_bytes = *size;
}

void ReadPositive(const FieldReader& in, Duration& out) {
  const std::optional<Duration> length = in.Length();
  if (!length) return;
  if (*length <= Duration::zero()) return in.Refuse("must be longer than 0");
  out = *length;
}

void ReadRetention(const FieldReader& in, Region& out) { ReadPositive(in, out.storage.retention); }

void ReadRetentionBytes(const FieldReader& in, Region& out) {
  const std::optional<ByteCount> size = in.Size();
  if (!size) return;
  if (*size == ByteCount(0)) return in.Refuse("must be more than 0; leave it out for no limit");
  out.storage.retention_bytes = *size;
}

void ReadEtcd(const FieldReader& in, Region& out) {
  const size_t count = in.List().value_or(0);
  for (size_t i = 0; i < count; ++i) {
    if (auto endpoint = in.Item(i).HostPort(1)) out.lease.etcd.push_back(*std::move(endpoint));
  }
}

void ReadLeasePrefix(const FieldReader& in, Region& out) {
  const std::optional<std::string> text = in.Text();
  if (!text) return;
  if (!text->starts_with('/') || text->ends_with('/'))
    return in.Refuse("must begin with `/` and end with something else");
  out.lease.prefix = *text;
}

// Shorter ones are lost by a slow disk of etcd; longer ones only make a failover wait.
void ReadLeaseTtl(const FieldReader& in, Region& out) {
  const std::optional<Duration> length = in.Length();
  if (!length) return;
  if (*length < std::chrono::seconds(2) || *length > std::chrono::hours(1))
    return in.Refuse("is not between 2s and 1h");
  out.lease.ttl = *length;
}

// It becomes a link of the console: nothing but an address of the web may stand here.
void ReadGrafana(const FieldReader& in, Region& out) {
  constexpr std::string_view kMarks = "._~%:/[]-";
  std::optional<std::string> text = in.Text();
  if (!text) return;
  std::string_view rest = *text;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (rest.starts_with(scheme)) rest.remove_prefix(scheme.size());
  }
  const bool good = std::ranges::all_of(rest, [kMarks](unsigned char c) {
    return std::isalnum(c) != 0 || kMarks.find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (rest.size() == text->size() || rest.empty() || rest[0] == '/' || !good)
    return in.Refuse("must be http://HOST[:PORT][/PATH] or https://HOST[:PORT][/PATH]");
  while (text->ends_with('/')) text->pop_back();
  out.console.grafana = *std::move(text);
}

ControlListener& ControlOf(Region& region) {
  if (!region.control) region.control.emplace();
  return *region.control;
}

// {topics: GLOB, owner: REGION}
void ReadOwnershipRule(const FieldReader& in, Region& out) {
  if (!in.OnlyKeys(kOwnershipKeys)) return;
  const std::optional<FieldReader> topics = in.Child("topics");
  const std::optional<FieldReader> owner = in.Child("owner");
  if (!topics || !owner) return in.Refuse("a rule has `topics` and `owner`");
  std::optional<std::string> pattern = topics->Text();
  std::optional<std::string> name = owner->Name();
  if (!pattern || !name) return;
  if (const Status status = CheckPattern(TopicMatch::kGlob, *pattern); !status.ok())
    return topics->Refuse(std::string(StatusMessage(status)));
  out.ownership.push_back({*std::move(pattern), RegionName(*std::move(name))});
}

void ReadOwnership(const FieldReader& in, Region& out) {
  out.ownership.clear();
  const size_t count = in.List().value_or(0);
  for (size_t i = 0; i < count; ++i) ReadOwnershipRule(in.Item(i), out);
}

using F = Field<Region>;
constexpr Presence kRequired = Presence::kRequired;
constexpr Presence kOptional = Presence::kOptional;
constexpr Change kLive = Change::kLive;
constexpr Change kRestart = Change::kRestart;
constexpr Change kNever = Change::kNever;

constexpr std::array kFields = {
    F{"apiVersion", "atoll/v1", kRequired, "", "atoll/v1", kRestart,
      "Version of this document's form.",
      [](const FieldReader& in, Region&) { (void)in.OneOf(kVersions); },
      [](const Region&) { return std::string(kVersions[0]); }},
    F{"kind", "Region", kRequired, "", "Region", kRestart, "What the document describes.",
      [](const FieldReader& in, Region&) { (void)in.OneOf(kKinds); },
      [](const Region&) { return std::string(kKinds[0]); }},
    F{"metadata.name", "name", kRequired, "", "us-east", kNever,
      "The region's name, as links of other regions and every report call it.",
      [](const FieldReader& in, Region& out) {
        if (auto name = in.Name()) out.name = RegionName(*std::move(name));
      },
      [](const Region& region) { return WriteName(region.name.value()); }},
    F{"spec.ordinal", "1..250", kRequired, "", "1", kNever,
      "Unique among linked regions; part of every epoch and producer id that is minted here.",
      [](const FieldReader& in, Region& out) {
        if (const auto value = in.Integer(1, kMaxRegionOrdinal))
          out.ordinal = RegionOrdinal(static_cast<int32_t>(*value));
      },
      [](const Region& region) { return std::to_string(region.ordinal.value()); }},
    F{"spec.dataDir", "path", kRequired, "", "./data/us-east", kRestart,
      "Folder of the logs and the checkpoint store. May contain ${env:NAME}.",
      [](const FieldReader& in, Region& out) {
        if (auto text = in.Text()) out.data_dir = *std::move(text);
      },
      [](const Region& region) { return WriteText(region.data_dir); }},
    F{"spec.listeners.kafka.bind", "host:port", kRequired, "", "\"127.0.0.1:19092\"", kRestart,
      "Where Kafka clients are served. Port 0: the system picks one.",
      [](const FieldReader& in, Region& out) {
        if (auto endpoint = in.HostPort(0)) out.kafka.bind = *std::move(endpoint);
      },
      [](const Region& region) { return WriteEndpoint(region.kafka.bind); }},
    F{"spec.listeners.kafka.advertise", "host:port", kOptional, "", "\"127.0.0.1:19092\"", kRestart,
      "What clients are told to connect to. Left out: as `bind`.",
      [](const FieldReader& in, Region& out) {
        if (auto endpoint = in.HostPort(0)) out.kafka.advertise = *std::move(endpoint);
      },
      [](const Region& region) { return WriteEndpoint(region.kafka.advertise); }},
    F{"spec.listeners.admin.bind", "host:port", kOptional, "\"127.0.0.1:9644\"",
      "\"127.0.0.1:19644\"", kRestart, "Where /metrics, /livez, /readyz and /v1 are served.",
      [](const FieldReader& in, Region& out) {
        if (auto endpoint = in.HostPort(0)) out.admin.bind = *std::move(endpoint);
      },
      [](const Region& region) { return WriteEndpoint(region.admin.bind); }},
    F{"spec.listeners.control.bind", "host:port", kOptional, "", "\"127.0.0.1:19645\"", kRestart,
      "Where regions that pull from here reach the control plane. Left out: they poll.",
      [](const FieldReader& in, Region& out) {
        if (auto endpoint = in.HostPort(0)) ControlOf(out).bind = *std::move(endpoint);
      },
      [](const Region& region) {
        return region.control ? WriteEndpoint(region.control->bind) : std::string();
      }},
    F{"spec.listeners.control.advertise", "host:port", kOptional, "", "\"127.0.0.1:19645\"",
      kRestart,
      "What links of other regions write as `source.control`; shown, not used. Left out: as "
      "`bind`.",
      [](const FieldReader& in, Region& out) {
        if (auto endpoint = in.HostPort(0)) ControlOf(out).advertise = *std::move(endpoint);
      },
      [](const Region& region) {
        return region.control ? WriteEndpoint(region.control->advertise) : std::string();
      }},
    F{"spec.insecure", "true | false", kOptional, "false", "false", kRestart,
      "true: listeners that other machines reach are meant, although nothing is encrypted or "
      "authenticated.",
      [](const FieldReader& in, Region& out) { out.insecure = in.Boolean().value_or(false); },
      [](const Region& region) { return WriteBoolean(region.insecure); }},
    F{"spec.storage.durability", "fsync | os", kOptional, "fsync", "fsync", kRestart,
      "fsync: acknowledged, readable and mirrored only after an fsync. os: after the write, as "
      "Kafka does.",
      [](const FieldReader& in, Region& out) {
        if (const auto word = in.OneOf(kDurabilities))
          out.storage.durability = *word == 0 ? Durability::kFsync : Durability::kOs;
      },
      [](const Region& region) {
        return std::string(kDurabilities[region.storage.durability == Durability::kFsync ? 0 : 1]);
      }},
    F{"spec.storage.segmentBytes", "size", kOptional, "1GiB", "1GiB", kRestart,
      "A log's segment is closed before it grows beyond this. 64KiB to 2GiB.", ReadSegmentBytes,
      [](const Region& region) { return WriteSize(region.storage.segment_bytes); }},
    F{"spec.storage.retention", "duration", kOptional, "7d", "7d", kRestart,
      "Segments whose newest record is older are deleted; a topic may have its own.",
      ReadRetention,
      [](const Region& region) { return WriteLength(region.storage.retention); }},
    F{"spec.storage.retentionBytes", "size", kOptional, "", "100GiB", kRestart,
      "Oldest segments of a partition are deleted while it is larger. Left out: no limit.",
      ReadRetentionBytes,
      [](const Region& region) {
        return region.storage.retention_bytes
                   ? WriteSize(*region.storage.retention_bytes)
                   : std::string();
      }},
    F{"spec.topics.autoCreate", "true | false", kOptional, "true", "true", kRestart,
      "A topic that a client names is created when it does not exist.",
      [](const FieldReader& in, Region& out) {
        out.topics.auto_create = in.Boolean().value_or(false);
      },
      [](const Region& region) { return WriteBoolean(region.topics.auto_create); }},
    F{"spec.topics.defaultPartitions", "1..10000", kOptional, "1", "4", kRestart,
      "Partitions of a topic that is created without a number.",
      [](const FieldReader& in, Region& out) {
        if (const auto value = in.Integer(1, 10'000))
          out.topics.default_partitions = static_cast<int32_t>(*value);
      },
      [](const Region& region) { return std::to_string(region.topics.default_partitions); }},
    F{"spec.topics.replicationFactorClamp", "true | false", kOptional, "true", "true", kRestart,
      "A replication factor above 1 is taken as 1. false: it is refused.",
      [](const FieldReader& in, Region& out) {
        out.topics.replication_factor_clamp = in.Boolean().value_or(false);
      },
      [](const Region& region) { return WriteBoolean(region.topics.replication_factor_clamp); }},
    F{"spec.ownership", "list of owner rules", kOptional, "",
      "[{topics: \"orders-*\", owner: us-east}]",
      kLive,
      "{topics: GLOB, owner: REGION}: topics of such names are created in that region only; here, "
      "CreateTopics and automatic creation are refused unless this is it. The first rule that "
      "matches counts; without one a topic belongs to the region in which it is created.",
      ReadOwnership,
      [](const Region& region) { return WriteOwnership(region.ownership); }},
    F{"spec.groups.initialRebalanceDelay", "duration", kOptional, "3s", "3s", kRestart,
      "A group without members waits so long for more of them before its first rebalance. 0s: not "
      "at all.",
      [](const FieldReader& in, Region& out) {
        if (const auto length = in.Length()) out.groups.initial_rebalance_delay = *length;
      },
      [](const Region& region) { return WriteLength(region.groups.initial_rebalance_delay); }},
    F{"spec.groups.offsetsRetention", "duration", kOptional, "7d", "7d", kRestart,
      "Committed offsets of a group that has no member are kept so long.",
      [](const FieldReader& in, Region& out) { ReadPositive(in, out.groups.offsets_retention); },
      [](const Region& region) { return WriteLength(region.groups.offsets_retention); }},
    F{"spec.groups.minSessionTimeout", "duration", kOptional, "6s", "6s", kRestart,
      "A consumer that asks for a shorter session is refused.",
      [](const FieldReader& in, Region& out) { ReadPositive(in, out.groups.min_session_timeout); },
      [](const Region& region) { return WriteLength(region.groups.min_session_timeout); }},
    F{"spec.groups.maxSessionTimeout", "duration", kOptional, "30m", "30m", kRestart,
      "A consumer that asks for a longer session is refused.",
      [](const FieldReader& in, Region& out) { ReadPositive(in, out.groups.max_session_timeout); },
      [](const Region& region) { return WriteLength(region.groups.max_session_timeout); }},
    F{"spec.lease.etcd", "list of host:port", kOptional, "", "[\"127.0.0.1:2379\"]", kRestart,
      "Members of an etcd cluster (v3 JSON gateway). Written: lease mode, the region accepts "
      "records only while it holds its lease there. Left out: operator mode.",
      ReadEtcd,
      [](const Region& region) { return WriteEndpoints(region.lease.etcd); }},
    F{"spec.lease.prefix", "/path", kOptional, "", "/atoll", kRestart,
      "Of every key in etcd; the same in all regions that are linked. Left out: /atoll.",
      ReadLeasePrefix,
      [](const Region& region) {
        return region.lease.enabled() ? WriteText(region.lease.prefix) : std::string();
      }},
    F{"spec.lease.ttl", "duration", kOptional, "", "10s", kRestart,
      "How long a failover waits for the lease of a region that is gone. 2s to 1h. Left out: 10s.",
      ReadLeaseTtl,
      [](const Region& region) {
        return region.lease.enabled() ? WriteLength(region.lease.ttl) : std::string();
      }},
    F{"spec.console.grafana", "URL", kOptional, "", "\"http://127.0.0.1:3000\"", kRestart,
      "A Grafana that has the dashboards of dashboards/grafana: the console links to them. Left "
      "out: no such links.",
      ReadGrafana, [](const Region& region) { return WriteText(region.console.grafana); }},
    F{"spec.metrics.partitionSeries", "0..1000000", kOptional, "10000", "50000", kRestart,
      "Where there are more partitions than this, /metrics gives a value per topic instead of one "
      "per partition. Counted for each kind: of this region, of its mirrors, of other regions' "
      "mirrors, with a group's offset. 0: always per topic.",
      [](const FieldReader& in, Region& out) {
        if (const auto value = in.Integer(0, 1'000'000))
          out.metrics.partition_series = static_cast<size_t>(*value);
      },
      [](const Region& region) { return std::to_string(region.metrics.partition_series); }},
};

}  // namespace

std::span<const Field<Region>> RegionFields() { return kFields; }

}  // namespace atl::config
