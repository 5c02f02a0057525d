#include "region-config/reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <limits>

namespace atl::config {
namespace {

using Kind = YamlNode::Kind;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool AllDigits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsDigit);
}

// A decimal number without sign, leading zero or anything else.
std::optional<int64_t> ParseDecimal(std::string_view text) {
  if (!AllDigits(text) || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  return value;
}

struct Unit {
  std::string_view name;
  int64_t factor;
};
constexpr std::array kLengths = {
    Unit{"ms", 1'000'000},        Unit{"s", 1'000'000'000},      Unit{"m", 60'000'000'000},
    Unit{"h", 3'600'000'000'000}, Unit{"d", 86'400'000'000'000},
};
constexpr std::array kSizes = {
    Unit{"B", 1},
    Unit{"KiB", int64_t{1} << 10},
    Unit{"MiB", int64_t{1} << 20},
    Unit{"GiB", int64_t{1} << 30},
    Unit{"TiB", int64_t{1} << 40},
};

// "30s" by the units; nothing if the number, the unit or the product does not fit.
std::optional<int64_t> ParseQuantity(std::string_view text, std::span<const Unit> units) {
  const size_t digits =
      static_cast<size_t>(std::find_if_not(text.begin(), text.end(), IsDigit) - text.begin());
  const std::optional<int64_t> number = ParseDecimal(text.substr(0, digits));
  if (!number) return std::nullopt;
  for (const Unit& unit : units) {
    if (unit.name != text.substr(digits)) continue;
    if (*number > std::numeric_limits<int64_t>::max() / unit.factor) return std::nullopt;
    return *number * unit.factor;
  }
  return std::nullopt;
}

// What a YAML 1.1 parser would take for something else than a text.
bool LooksTyped(std::string_view text) {
  constexpr std::array kWords = {"true", "false", "yes", "no", "on", "off", "null", "~"};
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (std::find(kWords.begin(), kWords.end(), lower) != kWords.end()) return true;
  if (text.empty() || (!IsDigit(text[0]) && text[0] != '-' && text[0] != '.')) return false;
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

bool IsNameChar(char c) { return (c >= 'a' && c <= 'z') || IsDigit(c); }

bool IsHost(std::string_view host) {
  if (host.empty() || host.size() > 253) return false;
  return std::all_of(host.begin(), host.end(), [](char c) {
    return IsNameChar(c) || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '_';
  });
}

bool IsIpv6(std::string_view host) {
  if (host.size() < 2 || host.size() > 45) return false;
  return std::all_of(host.begin(), host.end(), [](char c) {
    return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' || c == '.';
  });
}

std::optional<Endpoint> ParseEndpoint(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const std::optional<int64_t> port = ParseDecimal(text.substr(colon + 1));
  if (!port || *port > 65'535) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (bracketed ? !IsIpv6(host) : !IsHost(host)) return std::nullopt;
  return Endpoint{std::string(host), static_cast<uint16_t>(*port)};
}

// Reads fixed digits and marks of a time, front to back.
class TimeReader {
 public:
  explicit TimeReader(std::string_view rest) : rest_(rest) {}
  int Number(size_t digits) {
    if (rest_.size() < digits || !AllDigits(rest_.substr(0, digits))) ok_ = false;
    if (!ok_) return 0;
    int value = 0;
    for (const char c : rest_.substr(0, digits)) value = value * 10 + (c - '0');
    rest_.remove_prefix(digits);
    return value;
  }
  bool Mark(std::string_view any_of) {
    if (rest_.empty() || any_of.find(rest_[0]) == std::string_view::npos) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void Need(std::string_view any_of) { ok_ = Mark(any_of) && ok_; }
  // Digits after the point, as milliseconds.
  int64_t Fraction() {
    int64_t ms = 0;
    int64_t scale = 100;
    const size_t before = rest_.size();
    while (!rest_.empty() && IsDigit(rest_[0])) {
      ms += (rest_[0] - '0') * scale;
      scale /= 10;
      rest_.remove_prefix(1);
    }
    ok_ = ok_ && rest_.size() < before;
    return ms;
  }
  bool done() const { return ok_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

std::optional<Timestamp> ParseTime(std::string_view text) {
  TimeReader in(text);
  const int year = in.Number(4);
  in.Need("-");
  const int month = in.Number(2);
  in.Need("-");
  const int day = in.Number(2);
  in.Need("Tt ");
  const int hour = in.Number(2);
  in.Need(":");
  const int minute = in.Number(2);
  in.Need(":");
  const int second = in.Number(2);
  const int64_t ms = in.Mark(".") ? in.Fraction() : 0;
  int offset_minutes = 0;
  if (!in.Mark("Zz")) {
    const bool west = in.Mark("-");
    if (!west) in.Need("+");
    const int offset_hour = in.Number(2);
    in.Need(":");
    const int offset_minute = in.Number(2);
    if (offset_hour > 23 || offset_minute > 59) return std::nullopt;
    offset_minutes = (west ? -1 : 1) * (offset_hour * 60 + offset_minute);
  }
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!in.done() || !date.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const int64_t minutes = days * 1440 + hour * 60 + minute - offset_minutes;
  const int64_t total = minutes * 60'000 + second * 1000 + ms;
  if (total < 0) return std::nullopt;
  return Timestamp(total);
}

// Insertions, deletions, changes and swaps of neighbours that lead from one word to the other.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1);
  std::vector<size_t> above(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    before.swap(above);
    above.swap(row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row[b.size()];
}

std::string_view KindName(Kind kind) {
  switch (kind) {
    case Kind::kNull:
      return "nothing";
    case Kind::kPlain:
    case Kind::kQuoted:
      return "a value";
    case Kind::kMap:
      return "a map";
    case Kind::kList:
      return "a list";
  }
  return "nothing";
}

std::string UnknownKey(std::string_view key, std::span<const std::string_view> known) {
  if (const std::optional<std::string_view> nearest = Nearest(key, known))
    return fmt::format("unknown key (did you mean `{}`?)", *nearest);
  return fmt::format("unknown key; here may stand {}", fmt::join(known, ", "));
}

}  // namespace

std::optional<std::string_view> Nearest(std::string_view word,
                                        std::span<const std::string_view> words) {
  constexpr size_t kLongest = 64;  // Nobody means a longer one.
  if (word.size() > kLongest) return std::nullopt;
  std::optional<std::string_view> nearest;
  size_t least = std::max<size_t>(word.size() / 3, 1) + 1;
  for (const std::string_view candidate : words) {
    const size_t distance = EditDistance(word, candidate);
    if (distance >= least) continue;
    least = distance;
    nearest = candidate;
  }
  return nearest;
}

void FieldReader::Refuse(std::string message) const {
  context_.problems.push_back({node_.position, path_, std::move(message)});
}

FieldReader FieldReader::Item(size_t i) const {
  return FieldReader(context_, node_.items[i], fmt::format("{}[{}]", path_, i));
}

std::optional<FieldReader> FieldReader::Child(std::string_view key) const {
  const YamlNode::Entry* const entry = node_.Find(key);
  if (entry == nullptr) return std::nullopt;
  return FieldReader(context_, entry->value, path_ + "." + std::string(key));
}

bool FieldReader::OnlyKeys(std::span<const std::string_view> known) const {
  if (node_.kind != Kind::kMap) {
    Refuse(fmt::format("{} stands where a map is wanted", KindName(node_.kind)));
    return false;
  }
  bool only = true;
  for (const YamlNode::Entry& entry : node_.entries) {
    if (std::find(known.begin(), known.end(), entry.key) != known.end()) continue;
    context_.problems.push_back({entry.position,
                                 path_.empty() ? entry.key : path_ + "." + entry.key,
                                 UnknownKey(entry.key, known)});
    only = false;
  }
  return only;
}

std::optional<std::string_view> FieldReader::Scalar(std::string_view wanted) const {
  if (node_.kind == Kind::kPlain || node_.kind == Kind::kQuoted) return node_.text;
  Refuse(fmt::format("{} stands where {} is wanted", KindName(node_.kind), wanted));
  return std::nullopt;
}

std::optional<bool> FieldReader::Boolean() const {
  const std::optional<std::string_view> text = Scalar("true or false");
  if (!text) return std::nullopt;
  if (node_.kind == Kind::kPlain && *text == "true") return true;
  if (node_.kind == Kind::kPlain && *text == "false") return false;
  Refuse(fmt::format("`{}` is not true or false (unquoted, in small letters)", *text));
  return std::nullopt;
}

std::optional<int64_t> FieldReader::Integer(int64_t least, int64_t most) const {
  const std::optional<std::string_view> text = Scalar("a whole number");
  if (!text) return std::nullopt;
  const bool negative = text->starts_with('-') && AllDigits(text->substr(1));
  const std::optional<int64_t> value =
      node_.kind == Kind::kPlain ? ParseDecimal(*text) : std::nullopt;
  if (value && *value >= least && *value <= most) return value;
  const bool number = negative || (AllDigits(*text) && (*text == "0" || (*text)[0] != '0'));
  if (node_.kind == Kind::kPlain && number) {
    Refuse(fmt::format("{} is not between {} and {}", *text, least, most));
  } else {
    Refuse(fmt::format("`{}` is not a whole number (decimal digits only, unquoted)", *text));
  }
  return std::nullopt;
}

std::optional<Duration> FieldReader::Length() const {
  const std::optional<std::string_view> text = Scalar("a duration such as 30s");
  if (!text) return std::nullopt;
  if (const std::optional<int64_t> ns = ParseQuantity(*text, kLengths)) return Duration(*ns);
  Refuse(AllDigits(*text)
             ? fmt::format("`{}` has no unit; write {}ms, {}s, {}m, {}h or {}d", *text, *text,
                           *text, *text, *text, *text)
             : fmt::format("`{}` is not a duration such as 500ms, 30s, 5m, 12h or 7d", *text));
  return std::nullopt;
}

std::optional<ByteCount> FieldReader::Size() const {
  const std::optional<std::string_view> text = Scalar("a size such as 64MiB");
  if (!text) return std::nullopt;
  if (*text == "0") return ByteCount(0);
  if (const std::optional<int64_t> bytes = ParseQuantity(*text, kSizes)) return ByteCount(*bytes);
  Refuse(AllDigits(*text)
             ? fmt::format("`{}` has no unit; write {}B for bytes, or KiB, MiB, GiB, TiB", *text,
                           *text)
             : fmt::format("`{}` is not a size such as 100B, 64KiB, 512MiB, 1GiB or 2TiB", *text));
  return std::nullopt;
}

std::optional<std::string> FieldReader::Text() const {
  const std::optional<std::string_view> raw = Scalar("a text");
  if (!raw) return std::nullopt;
  if (node_.kind == Kind::kPlain && LooksTyped(*raw)) {
    Refuse(fmt::format("`{}` is not a text; if it is meant as one, put it in quotes", *raw));
    return std::nullopt;
  }
  std::string text;
  for (std::string_view rest = *raw; !rest.empty();) {
    const size_t start = rest.find("${");
    text += rest.substr(0, start);
    if (start == std::string_view::npos) break;
    const size_t end = rest.find('}', start);
    const std::string_view reference = rest.substr(start, end - start + 1);
    if (end == std::string_view::npos || !reference.starts_with("${env:")) {
      Refuse(fmt::format("`{}` is not ${{env:NAME}}, the only reference allowed here", reference));
      return std::nullopt;
    }
    const std::string name(reference.substr(6, reference.size() - 7));
    const std::optional<std::string> value = context_.environment.variable(name);
    if (!value) {
      Refuse(fmt::format("environment variable `{}` is not set", name));
      return std::nullopt;
    }
    text += *value;
    rest.remove_prefix(end + 1);
  }
  if (!text.empty()) return text;
  Refuse("is empty");
  return std::nullopt;
}

std::optional<std::string> FieldReader::Name() const {
  std::optional<std::string> name = Text();
  if (!name) return std::nullopt;
  const bool good =
      name->size() <= 63 && IsNameChar(name->front()) && IsNameChar(name->back()) &&
      std::all_of(name->begin(), name->end(), [](char c) { return IsNameChar(c) || c == '-'; });
  if (good) return name;
  Refuse(fmt::format("`{}` is not a name: small letters, digits and inner `-`, at most 63", *name));
  return std::nullopt;
}

std::optional<Endpoint> FieldReader::HostPort(int least_port) const {
  const std::optional<std::string> text = Text();
  if (!text) return std::nullopt;
  std::optional<Endpoint> endpoint = ParseEndpoint(*text);
  if (endpoint && endpoint->port >= least_port) return endpoint;
  Refuse(endpoint
             ? fmt::format("`{}` needs a port of at least {}", *text, least_port)
             : fmt::format("`{}` is not host:port such as 127.0.0.1:9092 or [::1]:9092", *text));
  return std::nullopt;
}

std::optional<Timestamp> FieldReader::Time(std::string_view wanted) const {
  const std::optional<std::string_view> text = Scalar(wanted);
  if (!text) return std::nullopt;
  if (const std::optional<Timestamp> time = ParseTime(*text)) return time;
  Refuse(fmt::format("`{}` is not {} such as 2026-01-31T08:00:00Z", *text, wanted));
  return std::nullopt;
}

std::optional<size_t> FieldReader::List() const {
  if (node_.kind == Kind::kList && !node_.items.empty()) return node_.items.size();
  Refuse(node_.kind == Kind::kList
             ? "the list is empty"
             : fmt::format("{} stands where a list is wanted", KindName(node_.kind)));
  return std::nullopt;
}

std::optional<size_t> FieldReader::OneOf(std::span<const std::string_view> words) const {
  const std::optional<std::string_view> text =
      Scalar(fmt::format("one of {}", fmt::join(words, ", ")));
  if (!text) return std::nullopt;
  const auto found = std::find(words.begin(), words.end(), *text);
  if (found != words.end()) return static_cast<size_t>(found - words.begin());
  const std::optional<std::string_view> nearest = Nearest(*text, words);
  Refuse(fmt::format("`{}` is not one of {}{}", *text, fmt::join(words, ", "),
                     nearest ? fmt::format(" (did you mean `{}`?)", *nearest) : ""));
  return std::nullopt;
}

}  // namespace atl::config
