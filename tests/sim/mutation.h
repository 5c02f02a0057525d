// Planted bugs: each is a mistake somebody could make in the product, made here by a wrapper around
// it. The simulation must find every one of them, or it proves nothing.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/file.h"
#include "checkpoint/store.h"

namespace atl::sim {

enum class Mutation {
  kNone,
  kAckBeforeSync,    // Syncs say OK and do nothing.
  kRetrySync,        // A failed sync is tried again, and believed.
  kSkipFolderSync,   // New files are not made durable in their folder.
  kLazyStore,        // What must be durable in the store before it counts, isn't.
  kEpochReuse,       // An unclean stop is taken for a clean one.
  kForgetProducers,  // A retry comes as a new producer: nothing recognises it.
  kSameProducers,    // All regions give producers the same ids.
  kCheckpointFirst,  // Positions are stored before the data is durable.
  kSkipCrc,          // Batches are not checked against their CRC.
  kDropBatch,        // A verified batch is left out on its way to the sink.
  kForgetGap,        // A gap is skipped without an event.
  kMixGenerations,   // A recreated topic is pulled into the old one's log.
  kTrimEarly,        // A mirror trims what the owner still has.
  kZeroWhenSilent,   // A silent source counts as caught up.
  kClaimSourceEnd,   // A mirror claims what the source has, not what is durable here.
  kKeepOwning,       // A former owner takes no notice of a higher epoch.
  kForgetHolds,      // After a restart the gate knows of no fence and no move.
  kSkipQuarantine,   // A divergent tail is truncated and kept nowhere.
  kCutDeeper,        // More is truncated than was set aside.
  kMintBeforeFence,  // A planned move mints its epoch while the old owner accepts.
  kSkipDrain,        // A planned move doesn't wait for what the old owner had.
  kForgetLift,       // A planned move that is rolled back leaves its fence.
  kSkipGroups,       // A planned move doesn't place what the groups committed last.
  kOffsetPastCut,    // A return leaves groups' offsets above the cut.
  kBoundInContact,   // A forced move's report says that what was heard last is all there is.
  kNamelessStall,    // A mirror that does not move gives no reason.
  kTrustCommits,     // A commit of a position that was cut off is stored as it is.
  kStaleEpoch,       // The catalogue is not told of a source's higher epoch.
  kLeaseFromAnswer,  // A lease counts from its answer, not from when it was asked for.
  kNoLeaseMargin,    // All of a lease is used.
  kKeepClaims,       // A lost lease leaves its claims.
  kClaimOverLease,   // A new owner does not wait for the end of the old one's lease.
  kAckUnasked,       // The gate is not asked again before an acknowledgement leaves.
  kLast
};
std::string_view MutationName(Mutation mutation);
std::optional<Mutation> MutationNamed(std::string_view name);

// `inner` with the mutation's mistake, or `inner` itself where it makes none there.
class MutantFiles final : public FileSystem {
 public:
  MutantFiles(FileSystem& inner, Mutation mutation) : inner_(inner), mutation_(mutation) {}
  StatusOr<std::shared_ptr<File>> Open(const std::string& path, OpenMode mode) override;
  StatusOr<bool> Exists(const std::string& path) override { return inner_.Exists(path); }
  Status Rename(const std::string& from, const std::string& to) override {
    return inner_.Rename(from, to);
  }
  Status Remove(const std::string& path) override { return inner_.Remove(path); }
  Status RemoveTree(const std::string& path) override { return inner_.RemoveTree(path); }
  Status CreateFolders(const std::string& path) override { return inner_.CreateFolders(path); }
  StatusOr<std::vector<std::string>> List(const std::string& folder) override {
    return inner_.List(folder);
  }
  Status SyncFolder(const std::string& folder) override;
  Status SyncAll(const std::string& path) override;
  StatusOr<Space> SpaceAt(const std::string& path) override { return inner_.SpaceAt(path); }

 private:
  FileSystem& inner_;
  const Mutation mutation_;
};

class MutantStore final : public checkpoint::Store {
 public:
  MutantStore(checkpoint::Store& inner, Mutation mutation) : inner_(inner), mutation_(mutation) {}
  StatusOr<std::optional<std::string>> Get(std::string_view key) override {
    return inner_.Get(key);
  }
  Status Write(const checkpoint::WriteBatch& batch, checkpoint::Sync sync) override {
    const bool lazy = mutation_ == Mutation::kLazyStore;
    return inner_.Write(batch, lazy ? checkpoint::Sync::kLazy : sync);
  }
  Status Scan(std::string_view prefix, checkpoint::ScanOrder order,
              const checkpoint::ScanVisitor& visit) override {
    return inner_.Scan(prefix, order, visit);
  }
  Status Flush() override { return inner_.Flush(); }
  Status Reopen() override { return inner_.Reopen(); }

 private:
  checkpoint::Store& inner_;
  const Mutation mutation_;
};

}  // namespace atl::sim
