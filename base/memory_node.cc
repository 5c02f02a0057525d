#include "base/memory_node.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace atl {

void MemoryFileSystem::Node::Write(size_t at, BytesView piece) {
  if (piece.empty()) return;
  // A hole between the old end and `at` is new, too.
  dirty_from_ = std::min({dirty_from_, at, bytes_.size()});
  if (bytes_.size() < at + piece.size()) bytes_.resize(at + piece.size());
  std::memcpy(bytes_.data() + at, piece.data(), piece.size());
}

void MemoryFileSystem::Node::Resize(size_t size) {
  dirty_from_ = std::min({dirty_from_, size, bytes_.size()});
  bytes_.resize(size);
}

void MemoryFileSystem::Node::Sync() {
  durable_.resize(bytes_.size());
  const auto from = static_cast<std::ptrdiff_t>(dirty_from_);
  std::copy(bytes_.begin() + from, bytes_.end(), durable_.begin() + from);
  dirty_from_ = bytes_.size();
}

void MemoryFileSystem::Node::DropUnsynced() {
  bytes_ = durable_;
  dirty_from_ = bytes_.size();
}

void MemoryFileSystem::Node::Crash(Unsynced unsynced, Random& random) {
  switch (unsynced) {
    case Unsynced::kLost:
      DropUnsynced();
      return;
    case Unsynced::kKept:
      Sync();
      return;
    case Unsynced::kTorn:
      Tear(random);
      return;
  }
}

void MemoryFileSystem::Node::Tear(Random& random) {
  const bool was_cut = bytes_.size() < durable_.size();
  const bool cut_survives = was_cut && random.OneIn(2);
  Bytes torn = durable_;
  if (cut_survives || !was_cut) torn.resize(bytes_.size());
  size_t survived_end = std::min(durable_.size(), torn.size());
  for (size_t begin = dirty_from_ / kSectorBytes * kSectorBytes; begin < bytes_.size();
       begin += kSectorBytes) {
    const size_t length = std::min(kSectorBytes, bytes_.size() - begin);
    const auto written = BytesView(bytes_).subspan(begin, length);
    const auto target = MutableBytes(torn).subspan(begin, length);
    if (std::ranges::equal(written, target) || random.OneIn(2)) continue;
    std::ranges::copy(written, target.begin());
    survived_end = std::max(survived_end, begin + length);
  }
  // The size is metadata of its own: it may have reached the disk without the last sectors, or not.
  if (random.OneIn(2)) torn.resize(survived_end);
  bytes_ = std::move(torn);
  durable_ = bytes_;
  dirty_from_ = bytes_.size();
}

void MemoryFileSystem::Node::FlipBit(size_t at, int bit) {
  CHECK(at < bytes_.size(), "no byte {} in a file of {}", at, bytes_.size());
  const std::byte mask = std::byte{1} << bit;
  bytes_[at] ^= mask;
  if (at < durable_.size()) durable_[at] ^= mask;
}

}  // namespace atl
