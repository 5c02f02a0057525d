// atoll link list|status|pause|resume
#include <CLI/CLI.hpp>

#include "atoll/cli/api.h"
#include "atoll/cli/command.h"
#include "atoll/cli/output.h"

namespace atl::cli {
namespace {

std::string LinkPath(const std::string& link) { return "/v1/links/" + EncodeSegment(link); }

std::string Milliseconds(const json::value& control) {
  const std::optional<double> rtt = NumberOf(control, "rttSeconds");
  return rtt ? fmt::format("{:.2f}ms", *rtt * 1e3) : "-";
}

std::string RoundTrip(const json::value& link) {
  const auto* control = link.as_object().if_contains("control");
  return control != nullptr && control->is_object() ? Milliseconds(*control) : "-";
}

int RunList(const Session& session) {
  const auto links = ApiOf(session).Get("/v1/links");
  if (!links.ok()) return PrintError(links.status());
  const Table table({Name(Field("LINK", "name")), Field("SOURCE", "source"), Field("KIND", "kind"),
                     Field("STATE", "state"), Field("PARTITIONS", "partitions"),
                     Field("LAG(records)", "lagRecords"), Wide(Field("LAG(bytes)", "lagBytes")),
                     Age("RPO", "rpoSeconds"), Wide(Age("TARGET", "rpoTargetSeconds")),
                     Wide(Made("RTT", RoundTrip)), Field("LAST CONTACT", "lastContact"),
                     Wide(Field("SINCE", "since")), Wide(Field("REASON", "reason"))},
                    Items(*links, "links"));
  Show(session, Page(*links).Add(table));
  return 0;
}

// The connection beside the data: how far away the source is, or why nothing is heard.
std::string ControlLine(const json::value& link) {
  const auto* control = link.as_object().if_contains("control");
  if (control == nullptr || !control->is_object()) return "";
  if (Text(*control, "connected") == "true") {
    return fmt::format("control: connected  rtt {}  last heard {}\n", Milliseconds(*control),
                       Text(*control, "lastHeard"));
  }
  if (Text(*control, "configured") != "true") return "control: not configured, polling\n";
  return fmt::format("control: not connected to {}  last heard {}  {}\n", Text(*control, "address"),
                     Text(*control, "lastHeard"), Text(*control, "reason"));
}

int RunStatus(const Session& session, const std::string& name) {
  const auto link = ApiOf(session).Get(LinkPath(name));
  if (!link.ok()) return PrintError(link.status());
  Page page(*link);
  page.Named(Text(*link, "name"));
  page.Line(fmt::format("link {}  <- {} ({}) {}\n", Text(*link, "name"), Text(*link, "source"),
                        Text(*link, "kind"), Text(*link, "bootstrapServers")));
  page.Line(fmt::format("state {} since {}  {}\n", Text(*link, "state"), Text(*link, "since"),
                        Text(*link, "reason")));
  page.Line(fmt::format("rpo {} (target {})  lag {} records, {} bytes  last contact {}\n",
                        Seconds(*link, "rpoSeconds"), Seconds(*link, "rpoTargetSeconds"),
                        Text(*link, "lagRecords"), Text(*link, "lagBytes"),
                        Text(*link, "lastContact")));
  page.Line(
      fmt::format("partitions {}  {}\n", Text(*link, "partitions"), Text(*link, "mirrorStates")));
  page.Line(ControlLine(*link));
  Show(session, page);
  return 0;
}

int RunVerb(const Session& session, const std::string& name, const std::string& verb) {
  const auto answer = ApiOf(session).Post(LinkPath(name) + ":" + verb, json::object());
  if (!answer.ok()) return PrintError(answer.status());
  Show(session, Page(*answer).Named(name).Line(
                    fmt::format("link {} {}\n", name, verb == "pause" ? "paused" : "resumed")));
  return 0;
}

}  // namespace

void AddLinkCommands(CLI::App& app, Session& session) {
  CLI::App* link = app.add_subcommand("link", "Links: what this region pulls from others");
  link->require_subcommand(1);
  CLI::App* list = link->add_subcommand("list", "All links, a line each");
  AddApiOptions(*list, session);
  AddWatchOption(*list, session);
  list->callback([&session] { session.exit_code = RunList(session); });
  const auto named = [&](const char* verb, const char* help, auto run) {
    CLI::App* command = link->add_subcommand(verb, help);
    AddApiOptions(*command, session);
    if (std::string_view(verb) == "status") AddWatchOption(*command, session);
    auto name = std::make_shared<std::string>();
    command->add_option("link", *name, "The link's name")->required();
    command->callback([&session, name, run] { session.exit_code = run(session, *name); });
  };
  named("status", "One link in full", RunStatus);
  named("pause", "Stop pulling; survives a restart",
        [](const Session& s, const std::string& name) { return RunVerb(s, name, "pause"); });
  named("resume", "Go on pulling",
        [](const Session& s, const std::string& name) { return RunVerb(s, name, "resume"); });
}

}  // namespace atl::cli
