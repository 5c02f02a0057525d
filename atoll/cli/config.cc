// atoll config validate|example|explain|schema|docs|import, atoll checkpoint inspect: what works
// without a running region.
#include <CLI/CLI.hpp>
#include <iostream>

#include "atoll/cli/command.h"
#include "atoll/cli/output.h"
#include "base/file.h"
#include "checkpoint/inspect.h"
#include "region-config/import/import.h"
#include "region-config/load.h"
#include "region-config/schema.h"

namespace atl::cli {
namespace {

int RunValidate(const Session& session, const std::vector<std::string>& paths) {
  const config::LoadResult result =
      config::Load(paths, config::SystemEnvironment(), config::Need::kAnything);
  const bool valid = result.config.has_value();
  json::array problems;
  for (const auto& problem : result.problems) {
    problems.push_back(json::object{{"file", problem.position.file},
                                    {"line", problem.position.line},
                                    {"column", problem.position.column},
                                    {"path", problem.path},
                                    {"message", problem.message}});
  }
  Page page(json::object{{"valid", valid}, {"problems", std::move(problems)}});
  if (valid && result.config->region.name.empty()) {
    page.Line(fmt::format(
        "ok: {} link(s), and no Region: enough for `atoll apply`, not for `atoll serve`\n",
        result.config->links.size()));
  } else if (valid) {
    page.Named(result.config->region.name.value());
    page.Line(fmt::format("ok: region {} with {} link(s)\n", result.config->region.name.value(),
                          result.config->links.size()));
  } else if (session.ForPeople()) {
    std::cerr << config::ToString(result.problems);
  }
  Show(session, page);
  return valid ? 0 : 2;
}

int RunExplain(const std::string& key) {
  if (const auto text = config::Explain(key)) {
    std::cout << *text;
    return 0;
  }
  const auto nearest = config::NearestKey(key);
  return PrintError(
      InvalidArgument("no key `{}`{}\n  `atoll config explain` lists them all", key,
                      nearest ? fmt::format(" (did you mean `{}`?)", *nearest) : std::string()));
}

struct ImportArguments {
  std::string file;
  std::string format;
  config::ImportOptions options;
};

int RunImport(const ImportArguments& arguments) {
  const auto bytes =
      ReadWholeFile(PosixFileSystem(), arguments.file, ByteCount(config::kMaxFileBytes));
  if (!bytes.ok()) return PrintError(Annotate(bytes.status(), arguments.file));
  config::ImportOptions options = arguments.options;
  for (const auto format :
       {config::ImportFormat::kMirrorMaker2, config::ImportFormat::kStrimzi,
        config::ImportFormat::kShadowLink, config::ImportFormat::kClusterLink}) {
    if (config::FormatName(format) == arguments.format) options.format = format;
  }
  std::vector<config::Problem> problems;
  const auto imported = config::Import(arguments.file, AsText(*bytes), options, problems);
  if (!imported) {
    std::cerr << config::ToString(problems);
    return 2;
  }
  std::cout << config::ToYaml(*imported, arguments.file);
  for (const std::string& note : imported->notes)
    std::cerr << arguments.file << ": " << note << "\n";
  std::cerr << fmt::format("{} link(s), {} note(s); next: atoll diff -f FILE\n",
                           imported->links.size(), imported->notes.size());
  return 0;
}

void AddImportCommand(CLI::App& noun, Session& session) {
  auto arguments = std::make_shared<ImportArguments>();
  CLI::App* import = noun.add_subcommand(
      "import", "A configuration of another product as links (to stdout, remarks to stderr)");
  import
      ->add_option("file", arguments->file,
                   "MirrorMaker 2 or Cluster Linking properties, Strimzi or rpk shadow YAML")
      ->required();
  import->add_option("--from", arguments->format, "Which of them; otherwise told by the text")
      ->check(CLI::IsMember({"mm2", "strimzi", "shadow-link", "cluster-link"}));
  import->add_option("--source-region", arguments->options.source_region,
                     "The source's name, where the file has none");
  import->add_option("--topic", arguments->options.topics,
                     "A topic to mirror, where the file names none; may be repeated");
  import->callback([&session, arguments] { session.exit_code = RunImport(*arguments);
});
}  // namespace

// Texts made of the table of fields.
void AddTableCommands(CLI::App& noun, Session& session) {
  noun.add_subcommand("example", "A commented file that works as it stands")->callback([] {
    std::cout << config::ExampleYaml();
  });
  noun.add_subcommand("schema", "The JSON Schema of a document, for editors")->callback([] {
    std::cout << config::JsonSchema();
  });
  noun.add_subcommand("docs", "The reference page, docs/configuration.md")->callback([] {
    std::cout << config::ReferencePage();
  });
  auto key = std::make_shared<std::string>();
  CLI::App* explain = noun.add_subcommand("explain", "A key, a section, or all: type and meaning");
  explain->add_option("key", *key, "Such as retention, spec.storage, spec.objectives.rpo");
  explain->callback([&session, key] { session.exit_code = RunExplain(*key); });
}

}  // namespace atl::cli

void AddConfigCommands(CLI::App& app, Session& session) {
  CLI::App* noun = app.add_subcommand("config", "Check and write configuration files");
  noun->require_subcommand(1);
  auto paths = std::make_shared<std::vector<std::string>>();
  CLI::App* validate =
      noun->add_subcommand("validate", "Every mistake in the files at once (exit 2 if any)");
  validate->add_option("paths", *paths, "Files or folders")->required();
  AddOutputOptions(*validate, session);
  validate->callback([&session, paths] { session.exit_code = RunValidate(session, *paths); });
  AddTableCommands(*noun, session);
  AddImportCommand(*noun, session);
  AddReloadCommand(*noun, session);
}

void AddCheckpointCommands(CLI::App& app, Session& session) {
  CLI::App* noun = app.add_subcommand("checkpoint", "The store of everything that is not a log");
  noun->require_subcommand(1);
  auto folder = std::make_shared<std::string>();
  CLI::App* inspect =
      noun->add_subcommand("inspect", "Print every key and value; also beside a running region");
  inspect->add_option("dir", *folder, "A region's dataDir, or the store's folder")->required();
  inspect->callback([&session, folder] {
    const Status status = checkpoint::Inspect(*folder, std::cout);
    session.exit_code = status.ok() ? 0 : PrintError(status);
  });
}

}  // namespace atl::cli
