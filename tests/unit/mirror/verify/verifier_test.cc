#include "mirror/verify/verifier.h"

#include <string>
#include <vector>

#include "mirror/verify/verify_run.h"
#include "tests/unit/mirror/verify/region_rig.h"

#include <catch2/catch.hpp>

namespace atl::mirror {
namespace {

using test::kLink;
using test::kTopic;
using test::RegionRig;

// A mirror with a damaged batch at 6 of partition 0, its owner, and their verifier.
struct Rig {
  Rig() {
    owner.Fill(0, 10, 0);
    owner.Fill(0, 10, 1);
    mirror.Fill(0, 3, 0);
    mirror.Append({.base = 6, .count = 2, .value = "other"}, 0);
    mirror.Fill(8, 6, 0);
    mirror.Fill(0, 10, 1);
  }
  AskDigests Ask() {
    return [this](const DigestsRequest& request) -> StatusOr<Digests> {
      return AnswerDigests(request, *owner.catalog.view());
    };
  }
  Verifier Make(bool connected = true) {
    return Verifier({.link = kLink,
                     .catalog = mirror.catalog,
                     .store = mirror.store,
                     .clock = mirror.clock,
                     .ask = connected ? Ask() : AskDigests()});
  }
  std::vector<VerifyTarget> Targets() { return {mirror.Target(0), mirror.Target(1)}; }
  void Finish(Verifier& verifier) {
    for (int round = 0; verifier.Compare(Targets()); ++round) REQUIRE(round < 50);
  }

  RegionRig owner;
  RegionRig mirror;
};

TEST_CASE("a mismatch stops one partition and leaves the others verified") {
  Rig rig;
  Verifier verifier = rig.Make();
  rig.Finish(verifier);
  const VerifyStatus bad = verifier.status(kTopic, PartitionId(0));
  REQUIRE(bad.mismatch);
  REQUIRE(bad.verified_to == Offset(6));
  REQUIRE(verifier.mismatch(kTopic, PartitionId(0))->batch.first == Offset(6));
  const VerifyStatus good = verifier.status(kTopic, PartitionId(1));
  REQUIRE_FALSE(good.mismatch);
  REQUIRE(good.verified_to == Offset(20));
  REQUIRE_FALSE(verifier.status(TopicId(), PartitionId(0)).verified_to);
}

TEST_CASE("what was found and verified is known after a restart, before anything is compared") {
  Rig rig;
  {
    Verifier verifier = rig.Make();
    rig.Finish(verifier);
  }
  Verifier verifier = rig.Make();
  REQUIRE(verifier.Load().ok());
  REQUIRE(verifier.status(kTopic, PartitionId(0)).mismatch);
  REQUIRE(verifier.mismatch(kTopic, PartitionId(0))->batch.first == Offset(6));
  REQUIRE(verifier.status(kTopic, PartitionId(1)).verified_to == Offset(20));
}

TEST_CASE("a disk that was changed while the region was down is found although it was verified") {
  Rig rig;
  VerifyTarget target = rig.mirror.Target(1);
  {
    Verifier verifier = rig.Make();
    while (verifier.Compare({target})) continue;
    REQUIRE(verifier.status(kTopic, PartitionId(1)).verified_to == Offset(20));
  }
  RegionRig changed;  // Another log under the same store.
  changed.Fill(0, 5, 1);
  changed.Append({.base = 10, .count = 2, .value = "other"}, 1);
  changed.Fill(12, 4, 1);
  Verifier verifier({.link = kLink,
                     .catalog = changed.catalog,
                     .store = rig.mirror.store,
                     .clock = changed.clock,
                     .ask = rig.Ask()});
  REQUIRE(verifier.Load().ok());
  REQUIRE(verifier.status(kTopic, PartitionId(1)).verified_to == Offset(20));
  target = changed.Target(1);
  for (int round = 0; verifier.Compare({target}); ++round) REQUIRE(round < 50);
  REQUIRE(verifier.status(kTopic, PartitionId(1)).mismatch);
  REQUIRE(verifier.status(kTopic, PartitionId(1)).verified_to == Offset(10));
}

TEST_CASE("an operator's decision counts at once and survives a restart") {
  Rig rig;
  {
    Verifier verifier = rig.Make();
    rig.Finish(verifier);
    verifier.Decide(kTopic, true);
    REQUIRE_FALSE(verifier.status(kTopic, PartitionId(0)).mismatch);
    rig.Finish(verifier);
    REQUIRE(verifier.status(kTopic, PartitionId(0)).verified_to == Offset(20));
  }
  Verifier verifier = rig.Make();
  REQUIRE(verifier.Load().ok());
  REQUIRE_FALSE(verifier.status(kTopic, PartitionId(0)).mismatch);
}

TEST_CASE("without a control connection status says so") {
  Rig rig;
  Verifier verifier = rig.Make(false);
  REQUIRE_FALSE(verifier.Compare(rig.Targets()));
  REQUIRE(verifier.status(kTopic, PartitionId(0)).reason.starts_with("not available"));
  REQUIRE_FALSE(verifier.status(kTopic, PartitionId(0)).verified_to);
}

TEST_CASE("a topic that is not mirrored any more is forgotten") {
  Rig rig;
  Verifier verifier = rig.Make();
  rig.Finish(verifier);
  REQUIRE(rig.mirror.catalog.Freeze(kTopic).ok());
  REQUIRE_FALSE(verifier.Compare({}));
  REQUIRE_FALSE(verifier.status(kTopic, PartitionId(0)).mismatch);
  REQUIRE(checkpoint::VerifyTable(rig.mirror.store).List(kLink)->empty());
}

TEST_CASE("a run reports its progress, its findings and what can't be compared") {
  Rig rig;
  std::vector<VerifyTarget> targets = rig.Targets();
  targets.push_back(rig.mirror.Target(1));
  targets.back().incomparable = "compacted";
  VerifyRun run(7, false, true, targets, rig.mirror.clock.WallNow());
  for (int round = 0; run.CompareOnce(*rig.mirror.catalog.view(), rig.Ask(), WallTime()); ++round) {
    REQUIRE(round < 50);
  }
  run.End(rig.mirror.clock.WallNow());
  const VerifyReport report = run.report();
  REQUIRE(report.id == 7);
  REQUIRE(report.ended);
  REQUIRE(report.partitions == 2);
  REQUIRE(report.partitions_done == 2);
  REQUIRE(report.offsets == RecordCount(40));
  REQUIRE(report.offsets_done == RecordCount(26));
  REQUIRE(report.findings.size() == 1);
  REQUIRE(report.findings[0].mismatch);
  REQUIRE(report.findings[0].batch.first == Offset(6));
  REQUIRE(report.incomparable.size() == 1);

  // What it found is the link's knowledge from then on.
  Verifier verifier = rig.Make(false);
  verifier.TakeOver(run.targets(), run.checks());
  REQUIRE(verifier.status(kTopic, PartitionId(0)).mismatch);
  REQUIRE(verifier.status(kTopic, PartitionId(1)).verified_to == Offset(20));
}

TEST_CASE("a run that can't reach the source says what was not compared") {
  Rig rig;
  VerifyRun run(1, false, true, rig.Targets(), WallTime());
  const auto ask = [](const DigestsRequest&) -> StatusOr<Digests> { return Unavailable("gone"); };
  REQUIRE_FALSE(run.CompareOnce(*rig.mirror.catalog.view(), ask, WallTime()));
  const VerifyReport report = run.report();
  REQUIRE(report.partitions_done == 0);
  REQUIRE(report.findings.size() == 2);
  REQUIRE_FALSE(report.findings[0].mismatch);
}

}  // namespace
}  // namespace atl::mirror
