// atoll verify: compare mirrors with their sources, from start to end
#include <CLI/CLI.hpp>
#include <iostream>

#include "atoll/cli/api.h"
#include "atoll/cli/command.h"
#include "atoll/cli/output.h"
#include "base/clock.h"

namespace atl::cli {
namespace {

constexpr int kFindings = 3;

struct Options {
  std::string link;
  std::vector<std::string> topics;
  bool deep = false;
  bool wait = false;
};

struct Outcome {
  json::array runs;
  bool mismatch = false;
  bool not_compared = false;
};

std::string PathOf(const std::string& link) {
  return "/v1/links/" + EncodeSegment(link) + "/verify";
}

StatusOr<std::vector<std::string>> LinksOf(const Api& api, const std::string& only) {
  if (!only.empty()) return std::vector<std::string>{only};
  ASSIGN_OR_RETURN(const json::value links, api.Get("/v1/links"));
  std::vector<std::string> names;
  for (const auto& link : Items(links, "links")) names.push_back(Text(link, "name"));
  if (names.empty()) return NotFound("this region has no links: there is nothing to compare");
  return names;
}

// Until it ends. People see how far it is.
StatusOr<json::value> Await(const Api& api, const Session& session, const std::string& link) {
  std::string last;
  for (;;) {
    ASSIGN_OR_RETURN(const json::value answer, api.Get(PathOf(link)));
    const json::value* const run = answer.as_object().if_contains("run");
    if (run == nullptr || !run->is_object()) return Unavailable("the run of {} is gone", link);
    if (Text(*run, "ended") != "-") return *run;
    const std::string line =
        fmt::format("{}: {} of {} partitions, {} of {} offsets, {} bytes", link,
                    Text(*run, "partitionsDone"), Text(*run, "partitions"),
                    Text(*run, "offsetsDone"), Text(*run, "offsets"), Text(*run, "bytes"));
    if (session.ForPeople() && line != last) std::cerr << line << "\n";
    last = line;
    Pause(std::chrono::milliseconds(500));
  }
}

void Judge(const json::value& run, Outcome& outcome) {
  for (const auto& finding : Items(run, "findings")) {
    (Text(finding, "kind") == "mismatch" ? outcome.mismatch : outcome.not_compared) = true;
  }
}

void AddRun(const json::value& one, Page& page) {
  const json::value& run = one.as_object().at("run");
  page.Named(Text(one, "link"));
  page.Line(fmt::format("link {}: {} of {} partitions compared by {}{}, {} offsets\n",
                        Text(one, "link"), Text(run, "partitionsDone"), Text(run, "partitions"),
                        Text(run, "by"), IsTrue(run, "deep") ? " every byte" : "",
                        Text(run, "offsetsDone")));
  for (const auto& finding : Items(run, "findings")) {
    page.Line(fmt::format("  {}-{}: {}: {}\n", Text(finding, "topic"), Text(finding, "partition"),
                          Text(finding, "kind"), Text(finding, "what")));
  }
  for (const auto& partition : Items(run, "incomparable")) {
    page.Line(fmt::format("  {}-{}: {}\n", Text(partition, "topic"), Text(partition, "partition"),
                          Text(partition, "why")));
  }
}

Status Start(const Api& api, const std::string& link, const Options& options) {
  json::object body{{"deep", options.deep}};
  if (!options.topics.empty()) {
    json::array topics;
    for (const std::string& topic : options.topics) topics.emplace_back(topic);
    body["topics"] = std::move(topics);
  }
  return api.Post(PathOf(link), body).status();
}

int Run(const Session& session, const Options& options) {
  const Api api = ApiOf(session);
  const auto links = LinksOf(api, options.link);
  if (!links.ok()) return PrintError(links.status());
  Outcome outcome;
  for (const std::string& link : *links) {
    if (const Status started = Start(api, link, options); !started.ok()) {
      return PrintError(started);
    }
    if (!options.wait) continue;
    auto run = Await(api, session, link);
    if (!run.ok()) return PrintError(run.status());
    Judge(*run, outcome);
    json::object one{{"link", link}};
    one["run"] = *std::move(run);
    outcome.runs.push_back(std::move(one));
  }
  if (!options.wait) {
    Page begun(json::object{{"started", true}});
    for (const std::string& link : *links) begun.Named(link);
    Show(session, begun.Line("comparing; `atoll verify --wait` waits for the result\n"));
    return 0;
  }
  Page page(json::object{{"links", outcome.runs}});
  for (const json::value& one : outcome.runs) AddRun(one, page);
  Show(session, page);
  if (outcome.mismatch) return kFindings;
  return outcome.not_compared ? 1 : 0;
}

}  // namespace

void AddVerifyCommand(CLI::App& app, Session& session) {
  CLI::App* verify =
      app.add_subcommand("verify", "Compare mirrors with their sources, from start to end");
  AddApiOptions(*verify, session);
  auto options = std::make_shared<Options>();
  verify->add_option("--link", options->link, "Only of this link");
  verify->add_option("--topic,topics", options->topics, "Only these topics; may be repeated");
  verify->add_flag("--deep", options->deep, "Read every byte on both sides again");
  verify->add_flag("--wait", options->wait,
                   "Wait for the end: exit 0 equal, 3 something differs, 1 not all was compared");
  verify->callback([&session, options] { session.exit_code = Run(session, *options); });
}

}  // namespace atl::cli
