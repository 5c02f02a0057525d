// atoll completion bash|zsh|fish: made from the command tree, so it knows every verb and option
// that there is.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>

#include "atoll/cli/command.h"
#include "base/status.h"

namespace atl::cli {
namespace {

// What may stand behind -o and --profile.
constexpr const char* kFormats = "table wide json yaml name";
constexpr const char* kProfiles = "atoll profile list -o name 2>/dev/null";

// A command with the words that lead to it: "", "link", "link list".
struct Node {
  std::string path;
  std::vector<const CLI::App*> verbs;
  std::vector<const CLI::Option*> options;
};

void Collect(const CLI::App& app, const std::string& path, std::vector<Node>& out) {
  Node node;
  node.path = path;
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (!verb->get_name().empty()) node.verbs.push_back(verb);
  }
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_lnames().empty() || !option->get_snames().empty())
      node.options.push_back(option);
  }
  const std::vector<const CLI::App*> verbs = node.verbs;
  out.push_back(std::move(node));
  for (const CLI::App* verb : verbs)
    Collect(*verb, path.empty() ? verb->get_name() : path + " " + verb->get_name(), out);
}

std::vector<Node> Tree(const CLI::App& app) {
  std::vector<Node> nodes;
  Collect(app, "", nodes);
  return nodes;
}

std::string Words(const std::vector<const CLI::App*>& verbs) {
  std::vector<std::string> names;
  for (const CLI::App* verb : verbs) names.push_back(verb->get_name());
  return fmt::format("{}", fmt::join(names, " "));
}

std::vector<std::string> Flags(const CLI::Option& option) {
  std::vector<std::string> flags;
  for (const std::string& name : option.get_snames()) flags.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) flags.push_back("--" + name);
  return flags;
}

std::string AllFlags(const Node& node) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : node.options) {
    for (std::string& flag : Flags(*option)) flags.push_back(std::move(flag));
  }
  return fmt::format("{}", fmt::join(flags, " "));
}

// In single quotes of a shell, without what would end them.
std::string Quoted(std::string text) {
  std::erase(text, '\'');
  std::replace(text.begin(), text.end(), '\n', ' ');
  return "'" + text + "'";
}

// Which commands a word may lead to, for a shell's `case`.
std::string Cases(const std::vector<Node>& nodes, bool flags) {
  std::string out;
  for (const Node& node : nodes) {
    const std::string words = flags ? AllFlags(node) : Words(node.verbs);
    if (!words.empty()) out += fmt::format("    '{}') echo '{}' ;;\n", node.path, words);
  }
  return out;
}

std::string Bash(const std::vector<Node>& nodes) {
  return fmt::format(R"sh(# bash completion for atoll; made by `atoll completion bash`.
_atoll_verbs() {{
  case "$1" in
{}  esac
}}

_atoll_flags() {{
  case "$1" in
{}  esac
}}

_atoll() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" path="" word verbs i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="${{COMP_WORDS[i]}}"
    case " $(_atoll_verbs "$path") " in
      *" $word "*) path="${{path:+$path }}$word" ;;
    esac
  done
  verbs="$(_atoll_verbs "$path")"
  case "${{COMP_WORDS[COMP_CWORD - 1]}}" in
    -o | --output) COMPREPLY=($(compgen -W '{}' -- "$current")); return ;;
    --profile) COMPREPLY=($(compgen -W "$({})" -- "$current")); return ;;
  esac
  if [[ "$current" == -* ]]; then
    COMPREPLY=($(compgen -W "$(_atoll_flags "$path")" -- "$current"))
  elif [[ -n "$verbs" ]]; then
    COMPREPLY=($(compgen -W "$verbs" -- "$current"))
  else
    COMPREPLY=($(compgen -f -- "$current"))
  fi
}}
complete -F _atoll atoll
)sh",
                     Cases(nodes, false), Cases(nodes, true), kFormats, kProfiles);
}

std::string ZshCases(const std::vector<Node>& nodes) {
  std::string out;
  for (const Node& node : nodes) {
    std::string verbs;
    for (const CLI::App* verb : node.verbs) {
      std::string text = verb->get_description();
      std::replace(text.begin(), text.end(), ':', ' ');
      verbs += " " + Quoted(verb->get_name() + ":" + text);
    }
    out += fmt::format("    '{}') verbs=({} ); flags=({}) ;;\n", node.path, verbs, AllFlags(node));
  }
  return out;
}

std::string Zsh(const std::vector<Node>& nodes) {
  return fmt::format(R"sh(#compdef atoll
# zsh completion for atoll; made by `atoll completion zsh`.
_atoll_at() {{
  case "$1" in
{}    *) verbs=(); flags=() ;;
  esac
}}

_atoll() {{
  local path_so_far="" word i
  local -a verbs flags
  _atoll_at ""
  for ((i = 2; i < CURRENT; i++)); do
    word="${{words[i]}}"
    if (( ${{verbs[(I)$word:*]}} )); then
      path_so_far="${{path_so_far:+$path_so_far }}$word"
      _atoll_at "$path_so_far"
    fi
  done
  if [[ "${{words[CURRENT-1]}}" == (-o|--output) ]]; then
    compadd -- {}
  elif [[ "${{words[CURRENT-1]}}" == --profile ]]; then
    compadd -- ${{(f)"$({})"}}
  elif [[ "${{words[CURRENT]}}" == -* ]]; then
    compadd -- $flags
  elif (( ${{#verbs}} )); then
    _describe 'command' verbs
  else
    _files
  fi
}}
# Called by name when it was loaded from fpath, else read by a start-up file.
if [[ "${{funcstack[1]}}" == _atoll ]]; then
  _atoll "$@"
else
  compdef _atoll atoll
fi
)sh",
                     ZshCases(nodes), kFormats, kProfiles);
}

std::string Fish(const std::vector<Node>& nodes) {
  std::string cases;
  for (const Node& node : nodes) {
    if (!node.verbs.empty())
      cases += fmt::format("        case '{}'\n            string split ' ' '{}'\n", node.path,
                           Words(node.verbs));
  }
  std::string out = fmt::format(R"sh(# fish completion for atoll; made by `atoll completion fish`.
function __atoll_verbs
    switch "$argv"
{}    end
end

function __atoll_path
    set -l path
    for word in (commandline -opc)[2..-1]
        contains -- $word (__atoll_verbs $path); and set -a path $word
    end
    echo "$path"
end

function __atoll_at
    test (__atoll_path) = "$argv"
end

)sh",
                                cases);
  for (const Node& node : nodes) {
    for (const CLI::App* verb : node.verbs) {
      out += fmt::format("complete -c atoll -f -n \"__atoll_at '{}'\" -a {} -d {}\n", node.path,
                         verb->get_name(), Quoted(verb->get_description()));
    }
    for (const CLI::Option* option : node.options) {
      std::string names;
      for (const std::string& name : option->get_snames()) names += " -s " + name;
      for (const std::string& name : option->get_lnames()) names += " -l " + name;
      if (option->check_lname("output")) names += fmt::format(" -x -a '{}'", kFormats);
      if (option->check_lname("profile")) names += fmt::format(" -x -a '({})'", kProfiles);
      out += fmt::format("complete -c atoll -n \"__atoll_at '{}'\"{} -d {}\n", node.path, names,
                         Quoted(option->get_description()));
    }
  }
  return out;
}

}  // namespace

void AddCompletionCommand(CLI::App& app, Session&) {
  CLI::App* noun = app.add_subcommand(
      "completion", "A shell's completion, for example: source <(atoll completion bash)");
  noun->require_subcommand(1);
  noun->add_subcommand("bash", "For bash")->callback([&app] { std::cout << Bash(Tree(app)); });
  noun->add_subcommand("zsh", "For zsh")->callback([&app] { std::cout << Zsh(Tree(app)); });
  noun->add_subcommand("fish", "For fish")->callback([&app] { std::cout << Fish(Tree(app)); });
}

}  // namespace atl::cli
