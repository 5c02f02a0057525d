#include "tests/sim/mutation.h"

#include <array>
#include <string>
#include <utility>

namespace atl::sim {
namespace {

constexpr std::array<std::string_view, static_cast<size_t>(Mutation::kLast)> kNames{
    "none",
    "ack_before_sync",
    "retry_sync",
    "skip_folder_sync",
    "lazy_store",
    "epoch_reuse",
    "forget_producers",
    "same_producers",
    "checkpoint_first",
    "skip_crc",
    "drop_batch",
    "forget_gap",
    "mix_generations",
    "trim_early",
    "zero_when_silent",
    "claim_source_end",
    "keep_owning",
    "forget_holds",
    "skip_quarantine",
    "cut_deeper",
    "mint_before_fence",
    "skip_drain",
    "forget_lift",
    "skip_groups",
    "offset_past_cut",
    "bound_in_contact",
    "nameless_stall",
    "trust_commits",
    "stale_epoch",
    "lease_from_answer",
    "no_lease_margin",
    "keep_claims",
    "claim_over_lease",
    "ack_unasked",
};

class MutantFile final : public File {
 public:
  MutantFile(std::shared_ptr<File> inner, Mutation mutation)
      : inner_(std::move(inner)), mutation_(mutation) {}
  StatusOr<size_t> ReadAt(FilePosition at, MutableBytes out) override {
    return inner_->ReadAt(at, out);
  }
  Status WriteAt(FilePosition at, std::span<const BytesView> pieces) override {
    return inner_->WriteAt(at, pieces);
  }
  Status Sync() override {
    if (mutation_ == Mutation::kAckBeforeSync) return OkStatus();
    const Status status = inner_->Sync();
    return status.ok() || mutation_ != Mutation::kRetrySync ? status : inner_->Sync();
  }
  Status Truncate(FilePosition size) override { return inner_->Truncate(size); }
  StatusOr<ByteCount> Size() override { return inner_->Size(); }
  const std::string& path() const override { return inner_->path(); }

 private:
  const std::shared_ptr<File> inner_;
  const Mutation mutation_;
};

}  // namespace

std::string_view MutationName(Mutation mutation) { return kNames[static_cast<size_t>(mutation)]; }

std::optional<Mutation> MutationNamed(std::string_view name) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<Mutation>(i);
  }
  return std::nullopt;
}

StatusOr<std::shared_ptr<File>> MutantFiles::Open(const std::string& path, OpenMode mode) {
  ASSIGN_OR_RETURN(std::shared_ptr<File> file, inner_.Open(path, mode));
  return std::make_shared<MutantFile>(std::move(file), mutation_);
}

Status MutantFiles::SyncFolder(const std::string& folder) {
  return mutation_ == Mutation::kSkipFolderSync ? OkStatus() : inner_.SyncFolder(folder);
}

Status MutantFiles::SyncAll(const std::string& path) {
  if (mutation_ == Mutation::kAckBeforeSync) return OkStatus();
  const Status status = inner_.SyncAll(path);
  return status.ok() || mutation_ != Mutation::kRetrySync ? status : inner_.SyncAll(path);
}

}  // namespace atl::sim
