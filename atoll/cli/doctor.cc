// atoll doctor: is there anything here that will hurt? Looks at a region through its admin API, and
// at configuration files; every finding ends with what to do. Exit code 10 when something is wrong,
// so that probes and scripts can use it.
#include <CLI/CLI.hpp>
#include <cmath>
#include <optional>

#include "atoll/cli/api.h"
#include "atoll/cli/command.h"
#include "atoll/cli/findings.h"
#include "atoll/cli/output.h"
#include "base/clock.h"
#include "region-config/load.h"

namespace atl::cli {
namespace {

constexpr int kUnhealthy = 10;
constexpr double kMostOpenShare = 0.8;
constexpr double kLeastFilesWanted = 10'000;
constexpr double kLeastFreeShare = 0.1;

// The value of a series without labels, or of the first with any.
std::optional<double> Metric(std::string_view page, std::string_view name) {
  for (size_t at = page.find(name); at != std::string_view::npos; at = page.find(name, at + 1)) {
    const bool line_starts = at == 0 || page[at - 1] == '\n';
    const std::string_view rest = page.substr(at + name.size());
    if (!line_starts || rest.empty() || (rest[0] != ' ' && rest[0] != '{')) continue;
    const std::string_view line = rest.substr(0, rest.find('\n'));
    return std::strtod(std::string(line.substr(line.rfind(' ') + 1)).c_str(), nullptr);
  }
  return std::nullopt;
}

void CheckFiles(const std::vector<std::string>& paths, Findings& out) {
  if (paths.empty()) return;
  const config::LoadResult loaded = config::Load(paths, config::SystemEnvironment());
  for (const config::Problem& problem : loaded.problems)
    out.Wrong("configuration", problem.ToString());
  if (loaded.config)
    out.Ok("configuration",
           fmt::format("region {} with {} link(s)", loaded.config->region.name.value(),
                       loaded.config->links.size()));
}

void CheckReady(const std::string& readyz, Findings& out) {
  if (readyz.find("not ready") == std::string::npos) return out.Ok("ready", "/readyz says so");
  std::string_view rest = readyz;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    if (line.starts_with("[-]")) out.Wrong("ready", std::string(line.substr(3)));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
  }
}

void CheckLimits(const std::string& metrics, Findings& out) {
  const std::optional<double> open = Metric(metrics, "process_open_fds");
  const std::optional<double> most = Metric(metrics, "process_max_fds");
  if (open && most) {
    const std::string detail = fmt::format("{:.0f} of {:.0f} open", *open, *most);
    if (*open > *most * kMostOpenShare) {
      out.Wrong("open files", detail + ": raise LimitNOFILE and restart");
    } else if (*most < kLeastFilesWanted) {
      out.Warn("open files", detail + ": a partition takes three; raise LimitNOFILE to 100000");
    } else {
      out.Ok("open files", detail);
    }
  }
  const std::optional<double> free = Metric(metrics, "atoll_storage_disk_free_bytes");
  const std::optional<double> total = Metric(metrics, "atoll_storage_disk_total_bytes");
  if (!free || !total || *total <= 0) return;
  const std::string detail =
      fmt::format("{:.1f} of {:.1f} GiB free", *free / (1 << 30), *total / (1 << 30));
  if (*free < *total * kLeastFreeShare) {
    out.Wrong("disk", detail + ": shorten spec.storage.retention or enlarge the volume");
  } else {
    out.Ok("disk", detail);
  }
}

// The region's clock against this machine's; lag in seconds and leases lean on clocks.
void CheckClock(const json::value& config, Findings& out) {
  const json::value* const now = config.as_object().if_contains("nowSeconds");
  if (now == nullptr || !now->is_number()) return;
  const double here = static_cast<double>(ToTimestamp(SystemClock().WallNow()).value()) / 1e3;
  const double skew = std::abs(here - now->to_number<double>());
  const std::string detail = fmt::format("{:.2f} s from this machine's", skew);
  if (skew <= kMostClockSkew) return out.Ok("clock", detail);
  out.Warn("clock", detail + ": let chrony or systemd-timesyncd keep both");
}

void CheckConfig(const json::value& config, Findings& out) {
  const bool good = Text(config, "lastReloadSuccessful") == "true";
  if (!good) out.Wrong("last reload", "failed, the one before still runs: atoll config reload");
  for (const json::value& line : Items(config, "restartNeeded"))
    out.Warn("restart needed", std::string(line.as_string()));
  if (good && Items(config, "restartNeeded").empty())
    out.Ok("last reload", "accepted " + Text(config, "acceptedAt"));
}

void CheckLink(const json::value& link, Findings& out) {
  const std::string what = "link " + Text(link, "name");
  const std::string state = Text(link, "state");
  if (state == "paused") {
    out.Warn(what, "paused: atoll link resume " + Text(link, "name"));
  } else if (state != "running") {
    out.Wrong(what, fmt::format("{}: {}; atoll link status {}", state, Text(link, "reason"),
                                Text(link, "name")));
  } else {
    out.Ok(what, "running, rpo " + Seconds(link, "rpoSeconds"));
  }
}

void CheckRegion(const Session& session, Findings& out) {
  const Api api = ApiOf(session);
  const auto status = api.Get("/v1/status");
  if (!status.ok()) return out.Wrong("admin API", std::string(StatusMessage(status.status())));
  out.Ok("admin API", fmt::format("region {} at {}, version {}", Text(*status, "region"),
                                  *api.endpoint(), Text(*status, "version")));
  for (const json::value& offline : Items(*status, "offlinePartitions"))
    out.Wrong("partition", fmt::format("{}-{} is offline: {}", Text(offline, "topic"),
                                       Text(offline, "partition"), Text(offline, "reason")));
  if (const auto readyz = api.GetText("/readyz?verbose"); readyz.ok()) CheckReady(*readyz, out);
  if (const auto metrics = api.GetText("/metrics"); metrics.ok()) CheckLimits(*metrics, out);
  if (const auto config = api.Get("/v1/config"); config.ok()) {
    CheckClock(*config, out);
    CheckConfig(*config, out);
  }
  if (const auto links = api.Get("/v1/links"); links.ok()) {
    for (const json::value& link : Items(*links, "links")) CheckLink(link, out);
  }
  if (const auto peers = api.Get("/v1/peers"); peers.ok()) {
    for (const json::value& peer : Items(*peers, "peers"))
      CheckPeer(peer, Text(*status, "version"), out);
  }
}

int RunDoctor(const Session& session, const std::vector<std::string>& paths) {
  Findings findings;
  CheckFiles(paths, findings);
  CheckRegion(session, findings);
  json::array rows;
  for (const Finding& finding : findings.all()) {
    rows.push_back(json::object{
        {"check", finding.what}, {"verdict", finding.verdict}, {"detail", finding.detail}});
  }
  const Table table(
      {Name(Field("CHECK", "check")), Field("VERDICT", "verdict"), Field("DETAIL", "detail")},
      rows);
  const bool well = !findings.wrong();
  Show(session, Page(json::object{{"well", well}, {"checks", std::move(rows)}}).Add(table));
  return well ? 0 : kUnhealthy;
}

}  // namespace

void AddDoctorCommand(CLI::App& app, Session& session) {
  CLI::App* doctor = app.add_subcommand("doctor", "What is wrong here or soon will be (exit 10)");
  AddApiOptions(*doctor, session);
  auto paths = std::make_shared<std::vector<std::string>>();
  doctor->add_option("--config", *paths, "Files or folders to check as well; may be repeated");
  doctor->callback([&session, paths] { session.exit_code = RunDoctor(session, *paths); });
}

}  // namespace atl::cli
