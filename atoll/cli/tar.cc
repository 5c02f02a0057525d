#include "atoll/cli/tar.h"

#include <array>

#include "base/check.h"

namespace atl::cli {
namespace {

constexpr size_t kBlock = 512;
constexpr size_t kChecksumAt = 148;
constexpr size_t kChecksumBytes = 8;

void Put(std::string& header, size_t at, std::string_view text) {
  header.replace(at, text.size(), text);
}

}  // namespace

void TarWriter::Add(std::string_view name, std::string_view text) {
  CHECK(name.size() < 100, "name {}", name);
  std::string header(kBlock, '\0');
  Put(header, 0, name);
  Put(header, 100, "0000644");
  Put(header, 108, "0000000");
  Put(header, 116, "0000000");
  Put(header, 124, fmt::format("{:011o}", text.size()));
  Put(header, 136, fmt::format("{:011o}", ToTimestamp(time_).value() / 1000));
  Put(header, 156, "0");
  Put(header, 257, std::string_view("ustar\00000", 8));
  // The sum is taken as if its own field were blanks.
  Put(header, kChecksumAt, std::string(kChecksumBytes, ' '));
  uint64_t sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  Put(header, kChecksumAt, fmt::format("{:06o}", sum) + std::string(1, '\0'));
  bytes_ += header;
  bytes_ += text;
  bytes_.append((kBlock - text.size() % kBlock) % kBlock, '\0');
}

std::string TarWriter::Finish() && {
  bytes_.append(2 * kBlock, '\0');
  return std::move(bytes_);
}

}  // namespace atl::cli
