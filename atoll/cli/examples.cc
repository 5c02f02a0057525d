// What the help of each command ends with: lines to copy. A test runs the help of every command
// and wants them to be real.
#include <CLI/CLI.hpp>
#include <array>

#include "atoll/cli/command.h"

namespace atl::cli {
namespace {

struct Examples {
  const char* path;  // The words that lead to the command.
  const char* lines;
};

constexpr std::array kExamples = {
    Examples{"",
             "atoll config example > us-east.yaml        a commented file to begin with\n"
             "atoll serve --config us-east.yaml          one region\n"
             "atoll status                               is it well? exit 10 when not\n"
             "atoll diff -f links.yaml                   what git has that the region has not\n"
             "atoll failover plan --link from-us-east --all"},
    Examples{"serve", "atoll serve --config /etc/atoll"},
    Examples{"status", "atoll status --watch\natoll status -o json || page-somebody"},
    Examples{
        "link",
        "atoll link list -o wide\natoll link status from-us-east\natoll link pause from-us-east"},
    Examples{"mirror",
             "atoll mirror list --link from-us-east\natoll mirror describe orders\n"
             "atoll mirror pause orders --link from-us-east"},
    Examples{"topic",
             "atoll topic list -o name --profile eu\n"
             "atoll topic create orders --partitions 12 --config retention.ms=604800000\n"
             "atoll topic describe orders"},
    Examples{"group", "atoll group list\natoll group describe billing\n"},
    Examples{"failover",
             "atoll failover plan --link from-us-east --all\n"
             "atoll failover list\natoll failover show 7"},
    Examples{"promote", "atoll promote orders --link from-us-east --dry-run"},
    Examples{"return", "atoll return orders --link from-us-east"},
    Examples{"ownership", "atoll ownership show"},
    Examples{"quarantine", "atoll quarantine list"},
    Examples{"verify", "atoll verify --link from-us-east --deep"},
    Examples{"events", "atoll events --kind gap --limit 20"},
    Examples{"apply",
             "atoll apply -f links.yaml --dry-run\n"
             "atoll apply -f git/eu-west/ --prune     links that are not there are removed"},
    Examples{"diff", "atoll diff -f git/eu-west/ || echo differs"},
    Examples{"config",
             "atoll config validate /etc/atoll\natoll config explain spec.storage.retention\n"
             "atoll config import mm2.properties > links.yaml\natoll config reload"},
    Examples{"checkpoint", "atoll checkpoint inspect ./data/us-east"},
    Examples{"doctor", "atoll doctor\natoll doctor --config /etc/atoll"},
    Examples{"support-bundle", "atoll support-bundle -f incident-42.tar"},
    Examples{"profile",
             "atoll profile set eu --endpoint http://10.0.0.7:9644\natoll profile use eu\natoll "
             "status --profile us"},
    Examples{"completion",
             "source <(atoll completion bash)\n"
             "atoll completion zsh > \"${fpath[1]}/_atoll\"\n"
             "atoll completion fish > ~/.config/fish/completions/atoll.fish"},
};

}  // namespace

void AddExamples(CLI::App& app) {
  for (const Examples& examples : kExamples) {
    CLI::App* const command = *examples.path == '\0' ? &app : app.get_subcommand(examples.path);
    std::string text = "Examples:\n";
    for (std::string_view rest = examples.lines; !rest.empty();) {
      const size_t end = std::min(rest.find('\n'), rest.size());
      text += "  " + std::string(rest.substr(0, end)) + "\n";
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    text.pop_back();
    command->footer(text);
  }
}

}  // namespace atl::cli
