#include "atoll/cli/redact.h"

#include <algorithm>
#include <array>

namespace atl::cli {
namespace {

constexpr std::array<std::string_view, 9> kWords = {"password", "passwd",      "secret",
                                                    "token",    "credential",  "apikey",
                                                    "api_key",  "private_key", "jaas.config"};
constexpr std::string_view kTaken = "[redacted]";

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool IsNameChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.';
}

// Quotes, escaped or not, and blanks may stand between a key and its mark, and after that.
bool IsBetween(char c) { return c == ' ' || c == '\t' || c == '"' || c == '\'' || c == '\\'; }

// Where the value of the key that ends at `at` begins; `at` itself: no mark follows.
size_t ValueAt(std::string_view text, size_t at) {
  size_t mark = at;
  while (mark < text.size() && IsNameChar(text[mark])) ++mark;
  while (mark < text.size() && IsBetween(text[mark])) ++mark;
  if (mark == text.size() || (text[mark] != ':' && text[mark] != '=')) return at;
  ++mark;
  while (mark < text.size() && IsBetween(text[mark])) ++mark;
  return mark;
}

// A line ends it, in a text of JSON written as the two letters `\n`, and so does a quote.
size_t EndOfValue(std::string_view text, size_t at) {
  for (; at < text.size(); ++at) {
    if (text[at] == '\n' || text[at] == '"') return at;
    if (text[at] != '\\' || at + 1 == text.size()) continue;
    if (text[at + 1] == 'n' || text[at + 1] == '"') return at;
    ++at;
  }
  return text.size();
}

}  // namespace

std::string Redacted(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), Lower);
  std::string out;
  size_t done = 0;
  while (done < text.size()) {
    size_t first = std::string::npos;
    size_t end = 0;
    for (const std::string_view word : kWords) {
      const size_t found = lower.find(word, done);
      if (found < first) {
        first = found;
        end = found + word.size();
      }
    }
    if (first == std::string::npos) break;
    const size_t value = ValueAt(text, end);
    const bool reference = text.substr(value).starts_with("${");
    if (value == end || reference) {
      out += text.substr(done, end - done);
      done = end;
      continue;
    }
    out += text.substr(done, value - done);
    out += kTaken;
    done = EndOfValue(text, value);
  }
  return out + std::string(text.substr(std::min(done, text.size())));
}

}  // namespace atl::cli
