// atoll topic create|list|describe|delete
#include <CLI/CLI.hpp>

#include "atoll/cli/api.h"
#include "atoll/cli/command.h"
#include "atoll/cli/output.h"

namespace atl::cli {
namespace {

std::string TopicPath(const std::string& topic) { return "/v1/topics/" + EncodeSegment(topic); }

int RunList(const Session& session) {
  const auto topics = ApiOf(session).Get("/v1/topics");
  if (!topics.ok()) return PrintError(topics.status());
  const auto owner = [](const json::value& topic) {
    return Text(topic, "owner") + (IsTrue(topic, "frozen") ? " (frozen)" : "");
  };
  const Table table({Name(Field("TOPIC", "name")), Field("PARTITIONS", "partitionCount"),
                     Made("OWNER", owner), Field("EPOCH", "epoch"), Field("MIRRORED BY", "link"),
                     Field("BYTES", "sizeBytes"), Wide(Field("TOPIC ID", "topicId"))},
                    Items(*topics, "topics"));
  Show(session, Page(*topics).Add(table));
  return 0;
}

void ShowTopic(const Session& session, const json::value& topic) {
  Page page(topic);
  page.Named(Text(topic, "name"));
  page.Line(fmt::format("topic {}  id {}  owner {}  epoch {}  mirrored by {}\n",
                        Text(topic, "name"), Text(topic, "topicId"), Text(topic, "owner"),
                        Text(topic, "epoch"), Text(topic, "link")));
  page.Line(fmt::format("config {}\n", Text(topic, "config")));
  page.Add(Table({Field("PARTITION", "partition"), Field("LOG START", "logStart"),
                  Field("LAST STABLE", "lastStable"), Field("HIGH WATERMARK", "highWatermark"),
                  Wide(Field("DURABLE END", "durableEnd")), Field("LOG END", "logEnd"),
                  Field("BYTES", "sizeBytes"), Field("LEADER EPOCH", "leaderEpoch"),
                  Field("OFFLINE", "offline")},
                 Items(topic, "partitions")));
  Show(session, page);
}

struct CreateOptions {
  std::string topic;
  int partitions = 0;
  std::vector<std::string> config;
};

int RunCreate(const Session& session, const CreateOptions& options) {
  json::object body{{"name", options.topic}};
  if (options.partitions > 0) body["partitions"] = options.partitions;
  json::object config;
  for (const std::string& pair : options.config) {
    const size_t equals = pair.find('=');
    if (equals == std::string::npos)
      return PrintError(InvalidArgument("--config {}: expected KEY=VALUE", pair));
    config[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  body["config"] = config;
  const auto topic = ApiOf(session).Post("/v1/topics", body);
  if (!topic.ok()) return PrintError(topic.status());
  ShowTopic(session, *topic);
  return 0;
}

int RunDescribe(const Session& session, const std::string& name) {
  const auto topic = ApiOf(session).Get(TopicPath(name));
  if (!topic.ok()) return PrintError(topic.status());
  ShowTopic(session, *topic);
  return 0;
}

int RunDelete(const Session& session, const std::string& name, bool yes) {
  if (!yes) {
    return PrintError(
        InvalidArgument("deleting {} removes its records from this region for good\n  "
                        "repeat with --yes if that is meant",
                        name));
  }
  const auto answer = ApiOf(session).Delete(TopicPath(name));
  if (!answer.ok()) return PrintError(answer.status());
  Show(session, Page(*answer).Named(name).Line(fmt::format("topic {} deleted\n", name)));
  return 0;
}

}  // namespace

void AddTopicCommands(CLI::App& app, Session& session) {
  CLI::App* topic = app.add_subcommand("topic", "Topics of this region");
  topic->require_subcommand(1);
  CLI::App* list = topic->add_subcommand("list", "All topics, a line each");
  AddApiOptions(*list, session);
  AddWatchOption(*list, session);
  list->callback([&session] { session.exit_code = RunList(session); });

  auto options = std::make_shared<CreateOptions>();
  CLI::App* create = topic->add_subcommand("create", "Create a topic that this region owns");
  AddApiOptions(*create, session);
  create->add_option("topic", options->topic, "Its name")->required();
  create
      ->add_option("-p,--partitions", options->partitions,
                   "How many; the region's default otherwise")
      ->check(CLI::Range(1, 10000));
  create->add_option("-c,--config", options->config, "KEY=VALUE, Kafka's names; may be repeated");
  create->callback([&session, options] { session.exit_code = RunCreate(session, *options); });

  auto name = std::make_shared<std::string>();
  CLI::App* describe = topic->add_subcommand("describe", "One topic with its partitions");
  AddApiOptions(*describe, session);
  AddWatchOption(*describe, session);
  describe->add_option("topic", *name, "Its name")->required();
  describe->callback([&session, name] { session.exit_code = RunDescribe(session, *name); });

  auto yes = std::make_shared<bool>(false);
  CLI::App* remove = topic->add_subcommand("delete", "Delete a topic and its records here");
  AddApiOptions(*remove, session);
  remove->add_option("topic", *name, "Its name")->required();
  remove->add_flag("--yes", *yes, "Don't ask");
  remove->callback([&session, name, yes] { session.exit_code = RunDelete(session, *name, *yes); });
}

}  // namespace atl::cli
