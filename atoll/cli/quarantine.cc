// atoll quarantine list|show|export|reinject|drop
#include <CLI/CLI.hpp>
#include <boost/json/serialize.hpp>
#include <iostream>

#include "atoll/cli/api.h"
#include "atoll/cli/command.h"
#include "atoll/cli/output.h"
#include "base/file.h"

namespace atl::cli {
namespace {

std::string TailPath(const std::string& id) { return "/v1/quarantine/" + EncodeSegment(id); }

std::string Place(const json::value& tail) {
  return fmt::format("{}-{}", Text(tail, "topic"), Text(tail, "partition"));
}

std::string Reinjected(const json::value& tail) {
  const json::value* const progress = tail.as_object().if_contains("reinjected");
  if (progress == nullptr || Text(*progress, "begun") != "true") return "no";
  return Text(*progress, "done") == "true" ? "all" : "up to " + Text(*progress, "next");
}

int RunList(const Session& session, const std::string& topic) {
  const std::string query = topic.empty() ? "" : "?topic=" + EncodeSegment(topic);
  const auto answer = ApiOf(session).Get("/v1/quarantine" + query);
  if (!answer.ok()) return PrintError(answer.status());
  const Table table(
      {Name(Field("ID", "id")), Field("TOPIC", "topic"), Field("PARTITION", "partition"),
       Field("FIRST", "first"), Field("END", "end"), Field("RECORDS", "records"),
       Field("BYTES", "bytes"), Field("EPOCH", "epoch"), Field("NEW EPOCH", "newEpoch"),
       Field("TIME", "time"), Made("REINJECTED", Reinjected), Wide(Field("LINK", "link")),
       Wide(Field("FOLDER", "folder"))},
      Items(*answer, "tails"));
  Show(session, Page(*answer).Add(table));
  const json::array& damaged = Items(*answer, "damaged");
  for (const auto& what : damaged) {
    std::cerr << "atoll: damaged: " << std::string(what.as_string()) << "\n";
  }
  return damaged.empty() ? 0 : 3;
}

int RunShow(const Session& session, const std::string& id) {
  const auto tail = ApiOf(session).Get(TailPath(id));
  if (!tail.ok()) return PrintError(tail.status());
  Show(session,
       Page(*tail).Named(id).Line(fmt::format(
           "tail {}  topic {}  partition {}  offsets [{}, {})  records {}  bytes {}\n"
           "was in the log of {} at epoch {}; the owner's epoch {} does not have it; found {} by "
           "link {}\n"
           "folder {}\nreinjected {}\n",
           Text(*tail, "id"), Text(*tail, "topic"), Text(*tail, "partition"), Text(*tail, "first"),
           Text(*tail, "end"), Text(*tail, "records"), Text(*tail, "bytes"), Text(*tail, "region"),
           Text(*tail, "epoch"), Text(*tail, "newEpoch"), Text(*tail, "time"), Text(*tail, "link"),
           Text(*tail, "folder"), Reinjected(*tail))));
  return 0;
}

struct ExportOptions {
  std::string id;
  std::string format = "json";
  std::string to;
};

// Data to standard output or one file, whichever is asked for.
class Output {
 public:
  static StatusOr<Output> Open(const std::string& path) {
    Output output;
    if (path.empty()) return output;
    ASSIGN_OR_RETURN(output.file_, PosixFileSystem().Open(path, OpenMode::kCreate));
    RETURN_IF_ERROR(output.file_->Truncate(FilePosition(0)));
    return output;
  }
  Status Write(std::string_view text) {
    if (file_ == nullptr) {
      std::cout << text;
      return std::cout ? OkStatus() : Unavailable("standard output is closed");
    }
    const BytesView piece = AsBytes(text);
    RETURN_IF_ERROR(file_->WriteAt(end_, {&piece, 1}));
    end_ = end_ + ByteCount(static_cast<int64_t>(text.size()));
    return OkStatus();
  }
  Status Close() { return file_ == nullptr ? OkStatus() : file_->Sync(); }

 private:
  std::shared_ptr<File> file_;
  FilePosition end_;
};

Status ExportLines(const Api& api, const ExportOptions& options) {
  ASSIGN_OR_RETURN(Output output, Output::Open(options.to));
  for (std::string at = "0:0"; at != "-";) {
    ASSIGN_OR_RETURN(const json::value page,
                     api.Get(TailPath(options.id) + "/records?at=" + EncodeSegment(at)));
    for (const auto& record : Items(page, "records")) {
      RETURN_IF_ERROR(output.Write(json::serialize(record) + "\n"));
    }
    at = Text(page, "next");
  }
  return output.Close();
}

StatusOr<std::string> DecodeBase64(std::string_view text) {
  std::string bytes;
  uint32_t group = 0;
  int bits = 0;
  for (const char c : text) {
    int digit = -1;
    if (c >= 'A' && c <= 'Z') digit = c - 'A';
    if (c >= 'a' && c <= 'z') digit = c - 'a' + 26;
    if (c >= '0' && c <= '9') digit = c - '0' + 52;
    if (c == '+') digit = 62;
    if (c == '/') digit = 63;
    if (c == '=') break;
    if (digit < 0) return InternalError("the region sent no base64");
    group = group << 6 | static_cast<uint32_t>(digit);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes += static_cast<char>(group >> bits & 0xFF);
  }
  return bytes;
}

// The files as they lie in the region's quarantine: kafka-dump-log reads them.
Status ExportSegments(const Api& api, const ExportOptions& options) {
  if (options.to.empty()) {
    return InvalidArgument("--format segment needs --to FOLDER: a tail may have several files");
  }
  ASSIGN_OR_RETURN(const json::value tail, api.Get(TailPath(options.id)));
  RETURN_IF_ERROR(PosixFileSystem().CreateFolders(options.to));
  const json::array& files = Items(tail, "files");
  for (size_t i = 0; i < files.size(); ++i) {
    const std::string path = JoinPath(options.to, Text(files[i], "name"));
    ASSIGN_OR_RETURN(Output output, Output::Open(path));
    for (int64_t position = 0;;) {
      ASSIGN_OR_RETURN(
          const json::value chunk,
          api.Get(fmt::format("{}/bytes?at={}%3A{}", TailPath(options.id), i, position)));
      const std::string data = Text(chunk, "data");
      if (data == "-") break;
      ASSIGN_OR_RETURN(const std::string bytes, DecodeBase64(data));
      RETURN_IF_ERROR(output.Write(bytes));
      position += static_cast<int64_t>(bytes.size());
    }
    RETURN_IF_ERROR(output.Close());
    std::cerr << path << "\n";
  }
  return OkStatus();
}

int RunExport(const Session& session, const ExportOptions& options) {
  const Api api = ApiOf(session);
  const Status exported =
      options.format == "segment" ? ExportSegments(api, options) : ExportLines(api, options);
  return exported.ok() ? 0 : PrintError(exported);
}

struct ActOptions {
  std::string id;
  bool dry_run = false;
  bool yes = false;
};

// Only who types the topic's name means it.
bool Confirmed(const ActOptions& options, const std::string& topic) {
  if (options.yes) return true;
  std::cerr << "type the topic's name to go on (or use --yes): ";
  std::string answer;
  std::getline(std::cin, answer);
  if (answer == topic) return true;
  std::cerr << "atoll: not confirmed, nothing was done\n";
  return false;
}

// Where the plan is the answer it goes to stdout, and else, for people, to stderr.
void ShowPlan(const Session& session, const ActOptions& options, const json::value& plan,
              const std::string& line) {
  if (session.ForPeople()) {
    std::cerr << line;
  } else if (options.dry_run) {
    Show(session, Page(plan).Named(options.id));
  }
}

int RunReinject(const Session& session, const ActOptions& options) {
  const Api api = ApiOf(session);
  const std::string path = TailPath(options.id) + ":reinject";
  const auto plan = api.Post(path + "?dry_run=true", json::object());
  if (!plan.ok()) return PrintError(plan.status());
  ShowPlan(session, options, *plan,
           fmt::format(
               "PLAN reinject  tail {}  {} -> {}\n{} records are produced again, {} of unfinished "
               "or aborted transactions are left out; done before: {}\n",
               Text(*plan, "id"), Place(*plan), Text(*plan, "owner"), Text(*plan, "produces"),
               Text(*plan, "leavesOut"), Reinjected(*plan)));
  if (options.dry_run) return 0;
  if (!Confirmed(options, Text(*plan, "topic"))) return 1;
  while (true) {
    const auto reached = api.Post(path, json::object());
    if (!reached.ok()) return PrintError(reached.status());
    const bool done = IsTrue(*reached, "done");
    if (done || session.ForPeople()) {
      Show(session,
           Page(*reached)
               .Named(options.id)
               .Line(fmt::format("produced {}  left out {}{}\n", Text(*reached, "produced"),
                                 Text(*reached, "leftOut"), done ? "  done" : "")));
    }
    if (done) return 0;
  }
}

int RunDrop(const Session& session, const ActOptions& options) {
  const Api api = ApiOf(session);
  const auto tail = api.Get(TailPath(options.id));
  if (!tail.ok()) return PrintError(tail.status());
  ShowPlan(session, options, *tail,
           fmt::format("PLAN drop  tail {}  {}  {} records are deleted for ever; reinjected {}\n",
                       Text(*tail, "id"), Place(*tail), Text(*tail, "records"), Reinjected(*tail)));
  if (options.dry_run) return 0;
  if (!Confirmed(options, Text(*tail, "topic"))) return 1;
  const auto dropped = api.Delete(TailPath(options.id));
  if (!dropped.ok()) return PrintError(dropped.status());
  Show(session, Page(*dropped).Named(options.id));
  return 0;
}

CLI::App* AddVerb(CLI::App& quarantine, Session& session, const std::string& name, const char* help,
                  std::string& id) {
  CLI::App* const verb = quarantine.add_subcommand(name, help);
  AddEndpointOptions(*verb, session);
  verb->add_option("id", id, "The tail, as `list` names it")->required();
  return verb;
}

}  // namespace

void AddQuarantineCommands(CLI::App& app, Session& session) {
  CLI::App* quarantine = app.add_subcommand(
      "quarantine", "Records that were here and are not in the history of their topic's owner");
  quarantine->require_subcommand(1);
  auto topic = std::make_shared<std::string>();
  CLI::App* list = quarantine->add_subcommand("list", "The tails that are kept, a line each");
  AddApiOptions(*list, session);
  AddWatchOption(*list, session);
  list->add_option("--topic", *topic, "Only of this topic");
  list->callback([&session, topic] { session.exit_code = RunList(session, *topic); });

  auto show_id = std::make_shared<std::string>();
  CLI::App* show = AddVerb(*quarantine, session, "show", "One tail", *show_id);
  AddOutputOptions(*show, session);
  show->callback([&session, show_id] { session.exit_code = RunShow(session, *show_id); });

  auto options = std::make_shared<ExportOptions>();
  CLI::App* exported = AddVerb(*quarantine, session, "export",
                               "Its records, as JSON lines or as it lies on disk", options->id);
  exported->add_option("--format", options->format, "json or segment")
      ->check(CLI::IsMember({"json", "segment"}));
  exported->add_option("--to", options->to, "A file (json) or a folder (segment)");
  exported->callback([&session, options] { session.exit_code = RunExport(session, *options); });

  const auto act = [&](const std::string& name, const char* help,
                       int (*run)(const Session&, const ActOptions&)) {
    auto how = std::make_shared<ActOptions>();
    CLI::App* verb = AddVerb(*quarantine, session, name, help, how->id);
    AddOutputOptions(*verb, session);
    verb->add_flag("--dry-run", how->dry_run, "Print the plan and stop");
    verb->add_flag("--yes", how->yes, "Don't ask");
    verb->callback([&session, how, run] { session.exit_code = run(session, *how); });
  };
  act("reinject", "Produce its records to the topic's owner, each once", &RunReinject);
  act("drop", "Delete it for ever", &RunDrop);
}

}  // namespace atl::cli
