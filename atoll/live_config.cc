#include "atoll/live_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <optional>
#include <utility>

#include "base/file.h"
#include "base/logging.h"
#include "core-broker/admin/json_body.h"

namespace atl {
namespace {

namespace json = boost::json;
using broker::ErrorReply;
using broker::HttpCall;
using broker::HttpReply;
using broker::JsonReply;
using broker::JsonText;

json::array List(const std::vector<std::string>& texts) {
  json::array list;
  for (const std::string& text : texts) list.emplace_back(JsonText(text));
  return list;
}

std::string_view NeedsName(config::Change needs) {
  switch (needs) {
    case config::Change::kLive:
      return "live";
    case config::Change::kRestart:
      return "restart";
    case config::Change::kNever:
      return "never";
  }
  return "never";
}

json::array ToJson(const std::vector<config::DocumentChange>& changes) {
  json::array list;
  for (const config::DocumentChange& change : changes) {
    json::array fields;
    for (const config::FieldChange& field : change.fields) {
      fields.push_back(json::object{{"path", JsonText(field.path)},
                                    {"before", JsonText(field.before)},
                                    {"after", JsonText(field.after)},
                                    {"needs", JsonText(NeedsName(field.needs))}});
    }
    list.push_back(json::object{{"kind", JsonText(change.kind)},
                                {"name", JsonText(change.name)},
                                {"action", JsonText(config::ActionName(change.action))},
                                {"fields", std::move(fields)}});
  }
  return list;
}

json::array ToJson(const std::vector<config::Problem>& problems) {
  json::array list;
  for (const config::Problem& problem : problems) {
    list.push_back(json::object{{"file", JsonText(problem.position.file)},
                                {"line", problem.position.line},
                                {"column", problem.position.column},
                                {"path", JsonText(problem.path)},
                                {"message", JsonText(problem.message)}});
  }
  return list;
}

// {"documents":[{"file":"links.yaml","text":"..."}],"prune":false}
struct ApplyRequest {
  config::Sources given;
  bool prune = false;
};

StatusOr<ApplyRequest> ReadApply(const std::string& body) {
  boost::system::error_code error;
  const json::value value = json::parse(body, error);
  const json::object* const object = error ? nullptr : value.if_object();
  const json::value* const documents =
      object == nullptr ? nullptr : object->if_contains("documents");
  if (documents == nullptr || !documents->is_array() || documents->get_array().empty())
    return InvalidArgument("the body is not {{\"documents\": [{{\"file\", \"text\"}}, ...]}}");
  ApplyRequest request;
  for (const json::value& document : documents->get_array()) {
    const json::object* const one = document.if_object();
    const json::value* const file = one == nullptr ? nullptr : one->if_contains("file");
    const json::value* const text = one == nullptr ? nullptr : one->if_contains("text");
    const bool good = file != nullptr && file->is_string() && text != nullptr && text->is_string();
    if (!good) return InvalidArgument("a document has `file` and `text`, both texts");
    request.given.files.push_back(
        {std::string(file->get_string()), std::string(text->get_string())});
  }
  const json::value* const prune = object->if_contains("prune");
  if (prune != nullptr && !prune->is_bool())
    return InvalidArgument("`prune` is neither true nor false");
  request.prune = prune != nullptr && prune->get_bool();
  return request;
}

Status WriteOne(FileSystem& files, const std::string& path,
                const std::optional<std::string>& text) {
  if (!text) return files.Remove(path);
  return WriteWholeFile(files, path, AsBytes(*text));
}

}  // namespace

LiveConfig::LiveConfig(LoadedConfig loaded, const config::Environment& environment, Hooks hooks,
                       Metrics& metrics, const Clock& clock)
    : paths_(std::move(loaded.paths)),
      environment_(environment),
      hooks_(std::move(hooks)),
      clock_(clock),
      successful_(metrics.GetGauge("atoll_config_last_reload_successful",
                                   "1 when the files were taken over the last time they were "
                                   "read, 0 when what ran before still runs.")),
      success_time_(metrics.GetGauge("atoll_config_last_reload_success_timestamp_seconds",
                                     "When a configuration was taken over last.")),
      started_(loaded.config),
      accepted_(std::move(loaded.config)),
      files_(std::move(loaded.files)) {
  Count(true);
}

void LiveConfig::Register(broker::Router& router) {
  router.Add("POST", "/-/reload", [this](const HttpCall&) { return Reload(); });
  router.Add("GET", "/v1/config", [this](const HttpCall&) { return Show(); });
  router.Add("POST", "/v1/config:apply", [this](const HttpCall& call) { return Apply(call); });
}

HttpReply LiveConfig::Reload() {
  config::Sources sources = config::ReadSources(paths_, environment_);
  config::LoadResult loaded = config::LoadSources(sources, environment_);
  HttpReply reply =
      loaded.config ? TakeOver({*std::move(loaded.config), std::move(sources.files), {}, false})
                    : Refuse(400,
                             fmt::format("the files have {} problem(s); what ran before still runs",
                                         loaded.problems.size()),
                             loaded.problems);
  if (reply.status != 200) Count(false);
  return reply;
}

HttpReply LiveConfig::Apply(const HttpCall& call) {
  const StatusOr<ApplyRequest> request = ReadApply(call.body);
  if (!request.ok()) return ErrorReply(400, StatusMessage(request.status()));
  const config::LoadResult given =
      config::LoadSources(request->given, environment_, config::Need::kAnything);
  if (!given.config)
    return Refuse(400, fmt::format("{} problem(s); nothing was changed", given.problems.size()),
                  given.problems);
  if (const Status unedited = CheckUnedited(); !unedited.ok())
    return ErrorReply(409, StatusMessage(unedited),
                      "`atoll config reload` takes them over; then apply again");
  const config::NewDocuments place{paths_.back(), environment_.files.List(paths_.back()).ok()};
  config::Edit edit = config::EditSources(files_, request->given.files, place, request->prune);
  config::LoadResult whole = config::LoadSources({edit.files, {}}, environment_);
  if (!whole.config)
    return Refuse(400, fmt::format("{} problem(s); nothing was changed", whole.problems.size()),
                  whole.problems);
  return TakeOver({*std::move(whole.config), std::move(edit.files), std::move(edit.edited),
                   broker::IsDryRun(call)});
}

HttpReply LiveConfig::Show() const {
  json::array files;
  for (const config::SourceFile& file : files_)
    files.push_back(json::object{{"file", JsonText(file.path)}, {"text", JsonText(file.text)}});
  return JsonReply(json::object{{"region", JsonText(accepted_.region.name.value())},
                                {"paths", List(paths_)},
                                {"nowSeconds", ToSeconds(clock_.WallNow().time_since_epoch())},
                                {"acceptedAt", JsonText(FormatTime(accepted_at_))},
                                {"lastReloadSuccessful", successful_.Value() > 0},
                                {"restartNeeded", List(RestartNeeded(accepted_))},
                                {"files", std::move(files)}});
}

HttpReply LiveConfig::Refuse(int status, std::string message,
                             const std::vector<config::Problem>& problems) const {
  std::string lines = config::ToString(problems);
  LogError("config", "{}: {}", message, lines);
  if (!lines.empty()) lines.pop_back();
  for (size_t at = lines.find('\n'); at != std::string::npos; at = lines.find('\n', at + 1))
    lines.insert(at + 1, "  ");
  return JsonReply(json::object{{"error", json::object{{"code", status},
                                                       {"message", JsonText(message)},
                                                       {"hint", JsonText(lines)}}},
                                {"problems", ToJson(problems)}},
                   status);
}

HttpReply LiveConfig::TakeOver(Step step) {
  const std::vector<config::DocumentChange> changes = config::Diff(accepted_, step.config);
  if (const Status good = Check(changes); !good.ok()) {
    LogError("config", "not taken over: {}", StatusMessage(good));
    return ErrorReply(409, StatusMessage(good), "nothing was changed");
  }
  json::object answer{{"region", JsonText(accepted_.region.name.value())},
                      {"dryRun", step.dry_run},
                      {"changes", ToJson(changes)},
                      {"restartNeeded", List(RestartNeeded(step.config))}};
  json::array files;
  for (const config::EditedFile& file : step.edited) files.emplace_back(JsonText(file.path));
  answer["files"] = std::move(files);
  if (step.dry_run) return JsonReply(answer);
  if (const Status written = Write(step.edited); !written.ok()) {
    LogError("config", "not written: {}", StatusMessage(written));
    return ErrorReply(500, StatusMessage(written),
                      "nothing was changed; where the files can't be written to (a mounted "
                      "ConfigMap), change them at their origin and `atoll config reload`");
  }
  if (!changes.empty()) hooks_.take_over(step.config);
  accepted_ = std::move(step.config);
  files_ = std::move(step.files);
  Count(true);
  LogInfo("config", "taken over: {} document(s) changed, {} field(s) wait for a restart",
          changes.size(), RestartNeeded(accepted_).size());
  return JsonReply(answer);
}

Status LiveConfig::Check(const std::vector<config::DocumentChange>& changes) const {
  const std::vector<std::string> never = config::Describe(changes, config::Change::kNever);
  if (!never.empty())
    return FailedPrecondition("fixed for the life of the data: {}", fmt::join(never, "; "));
  return hooks_.check(changes);
}

Status LiveConfig::Write(const std::vector<config::EditedFile>& edited) const {
  FileSystem& files = environment_.files;
  for (size_t i = 0; i < edited.size(); ++i) {
    const Status written = WriteOne(files, edited[i].path, edited[i].text);
    if (written.ok()) continue;
    // Back to what was there, as far as the disk lets us.
    for (size_t j = 0; j <= i; ++j) {
      const auto old = std::ranges::find(files_, edited[j].path, &config::SourceFile::path);
      const Status restored = WriteOne(
          files, edited[j].path, old == files_.end() ? std::nullopt : std::optional(old->text));
      if (!restored.ok())
        LogError("config", "{} is not as it was: {}", edited[j].path, StatusMessage(restored));
    }
    return Annotate(written, edited[i].path);
  }
  return OkStatus();
}

Status LiveConfig::CheckUnedited() const {
  const config::Sources now = config::ReadSources(paths_, environment_);
  if (now.problems.empty() && now.files == files_) return OkStatus();
  std::vector<std::string> edited;
  for (const config::SourceFile& file : now.files)
    if (std::ranges::find(files_, file) == files_.end()) edited.push_back(file.path);
  for (const config::SourceFile& file : files_) {
    const bool there =
        std::ranges::find(now.files, file.path, &config::SourceFile::path) != now.files.end();
    if (!there) edited.push_back(file.path);
  }
  return FailedPrecondition("files were edited since they were loaded: {}",
                            fmt::join(edited, ", "));
}

std::vector<std::string> LiveConfig::RestartNeeded(const config::Config& config) const {
  return config::Describe(config::Diff({started_.region, {}}, {config.region, {}}),
                          config::Change::kRestart);
}

void LiveConfig::Count(bool successful) {
  successful_.Set(successful ? 1 : 0);
  if (!successful) return;
  accepted_at_ = clock_.WallNow();
  success_time_.Set(static_cast<double>(ToTimestamp(accepted_at_).value()) / 1e3);
}

}  // namespace atl
