// atoll support-bundle: everything about a region that helps somebody else to understand it, in
// one tar file. Names of topics, groups and hosts are in it; records, values of environment
// variables and whatever stands behind words like password are not.
#include <CLI/CLI.hpp>
#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <iostream>

#include "atoll/cli/api.h"
#include "atoll/cli/command.h"
#include "atoll/cli/output.h"
#include "atoll/cli/redact.h"
#include "atoll/cli/tar.h"
#include "base/clock.h"
#include "base/file.h"

namespace atl::cli {
namespace {

struct Page {
  const char* file;
  const char* path;
};

constexpr std::array kPages = {
    Page{"status.json", "/v1/status"},
    Page{"config.json", "/v1/config"},
    Page{"links.json", "/v1/links"},
    Page{"topics.json", "/v1/topics"},
    Page{"groups.json", "/v1/groups"},
    Page{"ownership.json", "/v1/ownership"},
    Page{"failovers.json", "/v1/failovers"},
    Page{"quarantine.json", "/v1/quarantine"},
    Page{"events.json", "/v1/events?limit=1000"},
    Page{"readyz.txt", "/readyz?verbose"},
    Page{"metrics.txt", "/metrics"},
};

// A page that can't be had is in the bundle with the reason.
void AddPage(const Api& api, const std::string& file, const std::string& path, TarWriter& tar) {
  std::cerr << "  " << file << "\n";
  const StatusOr<std::string> page = api.GetText(path);
  tar.Add("atoll/" + file, page.ok()
                               ? Redacted(*page)
                               : "not to be had: " + std::string(StatusMessage(page.status())));
}

int RunBundle(const Session& session, std::string file) {
  const Api api = ApiOf(session);
  const auto status = api.Get("/v1/status");
  if (!status.ok()) return PrintError(status.status());
  const WallTime now = SystemClock().WallNow();
  if (file.empty()) file = fmt::format("atoll-{}.tar", Text(*status, "region"));
  TarWriter tar(now);
  tar.Add("atoll/README",
          fmt::format("Region {} at {}, version {}.\nCommands that show the same: "
                      "atoll status, doctor, events, failover list, config.\n",
                      Text(*status, "region"), FormatTime(now), Text(*status, "version")));
  for (const Page& page : kPages) AddPage(api, page.file, page.path, tar);
  if (const auto links = api.Get("/v1/links"); links.ok()) {
    for (const json::value& link : Items(*links, "links")) {
      const std::string name = Text(link, "name");
      const std::string path = "/v1/links/" + EncodeSegment(name);
      AddPage(api, fmt::format("link-{}.json", name), path, tar);
      AddPage(api, fmt::format("mirrors-{}.json", name), path + "/mirrors", tar);
    }
  }
  const std::string bytes = std::move(tar).Finish();
  const Status written = WriteWholeFile(PosixFileSystem(), file, AsBytes(bytes));
  if (!written.ok()) return PrintError(Annotate(written, file));
  std::cout << file << "\n";
  std::cerr << "look through it before it leaves the house: tar -xOf " << file << " | less\n";
  return 0;
}

}  // namespace

void AddSupportBundleCommand(CLI::App& app, Session& session) {
  CLI::App* bundle = app.add_subcommand("support-bundle",
                                        "All that helps to understand a region, without secrets");
  AddEndpointOptions(*bundle, session);
  auto file = std::make_shared<std::string>();
  bundle->add_option("-f,--file", *file, "Where to write it; atoll-REGION.tar otherwise");
  bundle->callback([&session, file] { session.exit_code = RunBundle(session, *file); });
}

}  // namespace atl::cli
