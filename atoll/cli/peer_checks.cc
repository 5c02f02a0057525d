#include <cmath>
#include <optional>

#include "atoll/cli/findings.h"
#include "atoll/cli/output.h"

namespace atl::cli {
namespace {

// "atoll 1.4.2" -> "1": what releases that go together have in common; of a release before 1.0 the
// number behind counts, too.
std::string Generation(std::string_view version) {
  version.remove_prefix(version.rfind(' ') + 1);
  const size_t major = version.find('.');
  if (major == std::string_view::npos) return std::string(version);
  if (version.substr(0, major) != "0") return std::string(version.substr(0, major));
  return std::string(version.substr(0, version.find('.', major + 1)));
}

void CheckUnreachable(const json::value& peer, const std::string& what, Findings& out) {
  const std::string link = Text(peer, "link");
  if (link == "-") {
    return out.Warn(what, fmt::format("dials this region no longer, last heard {}: {}",
                                      Text(peer, "lastHeard"), Text(peer, "reason")));
  }
  out.Wrong(what, fmt::format("no control connection, last heard {}: {}; atoll link status {}",
                              Text(peer, "lastHeard"), Text(peer, "reason"), link));
}

}  // namespace

void CheckPeer(const json::value& peer, const std::string& version, Findings& out) {
  const std::string what = "peer " + Text(peer, "region");
  if (!IsTrue(peer, "connected")) return CheckUnreachable(peer, what, out);
  const std::string software = Text(peer, "software");
  const std::optional<double> ahead = NumberOf(peer, "clockAheadSeconds");
  bool fine = true;
  if (Generation(software) != Generation(version)) {
    out.Warn(what, fmt::format("runs {}, this region atoll {}: upgrade the older one, targets "
                               "before sources",
                               software, version));
    fine = false;
  }
  if (ahead && std::abs(*ahead) > kMostClockSkew) {
    out.Warn(what, fmt::format("its clock is {:.2f} s {} this region's: let chrony or "
                               "systemd-timesyncd keep both",
                               std::abs(*ahead), *ahead > 0 ? "before" : "behind"));
    fine = false;
  }
  if (!fine) return;
  const std::string clock = ahead ? fmt::format("{:.2f} s", std::abs(*ahead)) : "not known";
  out.Ok(what, fmt::format("connected, {}, clocks differ by {}", software, clock));
}

}  // namespace atl::cli
