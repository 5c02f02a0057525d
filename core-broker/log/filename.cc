#include "core-broker/log/filename.h"

#include <charconv>

#include "base/check.h"

namespace atl::broker {
namespace {

constexpr size_t kDigits = 20;
constexpr std::string_view kCutMark = ".log.cut-";

std::string_view Suffix(SegmentFileKind kind) {
  switch (kind) {
    case SegmentFileKind::kLog:
      return ".log";
    case SegmentFileKind::kOffsetIndex:
      return ".index";
    case SegmentFileKind::kTimeIndex:
      return ".timeindex";
    case SegmentFileKind::kCut:
      break;
  }
  CHECK(false, "a cut file has a position in its name");
}

}  // namespace

std::string SegmentFileName(Offset base, SegmentFileKind kind) {
  return fmt::format("{:020}{}", base.value(), Suffix(kind));
}

std::string CutFileName(Offset base, FilePosition position) {
  return fmt::format("{:020}{}{}", base.value(), kCutMark, position.value());
}

std::optional<SegmentFile> ParseSegmentFileName(std::string_view name) {
  if (name.size() <= kDigits) return {};
  int64_t base = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + kDigits, base);
  if (error != std::errc() || end != name.data() + kDigits || base < 0) return {};
  const std::string_view suffix = name.substr(kDigits);
  if (suffix.starts_with(kCutMark)) return SegmentFile{Offset(base), SegmentFileKind::kCut};
  for (const SegmentFileKind kind :
       {SegmentFileKind::kLog, SegmentFileKind::kOffsetIndex, SegmentFileKind::kTimeIndex}) {
    if (suffix == Suffix(kind)) return SegmentFile{Offset(base), kind};
  }
  return {};
}

}  // namespace atl::broker
