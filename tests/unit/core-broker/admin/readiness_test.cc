// The checks of /readyz that a region makes of itself.
#include "core-broker/admin/readiness.h"

#include "base/memory_file.h"

#include <catch2/catch.hpp>

namespace atl::broker {
namespace {

using std::chrono::seconds;

HttpCall Readyz() {
  HttpCall call;
  call.method = "GET";
  call.path = "/readyz";
  return call;
}

struct Region {
  Region() {
    REQUIRE(files.CreateFolders("/data").ok());
    REQUIRE(files.Open("/data/meta.properties", OpenMode::kCreate).ok());
    readiness.AddChecks(health);
    health.Register(router);
    readiness.Enter(Readiness::Phase::kServing);
    readiness.Look(OkStatus());
  }

  // The lines of the checks that fail.
  std::string Failing() {
    const HttpReply reply = router.Dispatch(Readyz());
    const bool ready = reply.body == "ready\n";
    REQUIRE(reply.status == (ready ? 200 : 503));
    return ready ? "" : reply.body.substr(0, reply.body.size() - std::string("not ready\n").size());
  }

  ManualClock clock;
  MemoryFileSystem files;
  Metrics metrics;
  runtime::StorageShards shards{0, files, "/data", metrics};
  Health health;
  Readiness readiness{{clock, files, "/data", "meta.properties", shards}};
  Router router;
};

TEST_CASE("A region that serves is ready, and says what it has looked at") {
  Region region;
  HttpCall call = Readyz();
  call.query["verbose"] = "";
  REQUIRE(region.router.Dispatch(call).body ==
          "[+]startup ok\n[+]shutdown ok\n[+]store ok\n[+]data-dir ok\n[+]storage-shards ok\n"
          "ready\n");
}

TEST_CASE("A region is not ready before it has started, nor once it stops") {
  Region region;
  region.readiness.Enter(Readiness::Phase::kStarting);
  REQUIRE(region.Failing() == "[-]startup failed: the region is starting\n");
  region.readiness.Enter(Readiness::Phase::kStopping);
  REQUIRE(region.Failing().starts_with("[-]shutdown failed: the region is stopping"));
}

TEST_CASE("A store that can't be synced, or never comes back from it, is not ready") {
  Region region;
  region.readiness.Look(Unavailable("checkpoint: no space left"));
  REQUIRE(region.Failing() == "[-]store failed: checkpoint: no space left\n");
  region.readiness.Look(OkStatus());
  REQUIRE(region.Failing() == "");
  region.clock.Advance(Readiness::kPatience);
  REQUIRE(region.Failing() == "");
  region.clock.Advance(seconds(1));
  REQUIRE(region.Failing() == "[-]store failed: no sync of the store has ended for 11 s\n");
}

TEST_CASE("A data folder that became read-only, or vanished, or is full, is not ready") {
  Region region;
  region.files.SetFault([](MemoryFileSystem::Operation operation, const std::string& path) {
    const bool open = operation == MemoryFileSystem::Operation::kOpen;
    return open ? Unavailable("{}: read-only file system", path) : OkStatus();
  });
  region.readiness.Look(OkStatus());
  REQUIRE(region.Failing() == "[-]data-dir failed: /data/meta.properties: read-only file system\n");
  region.files.SetFault({});
  region.files.SetCapacity(Readiness::kLeastFree);
  region.readiness.Look(OkStatus());
  REQUIRE(region.Failing() == "");
  region.files.SetCapacity(Readiness::kLeastFree - ByteCount(1));
  region.readiness.Look(OkStatus());
  REQUIRE(region.Failing() ==
          "[-]data-dir failed: 31 MiB are left on the disk of /data, less than 32\n");
  region.files.SetCapacity(ByteCount(int64_t{1} << 30));
  REQUIRE(region.files.Remove("/data/meta.properties").ok());
  region.readiness.Look(OkStatus());
  REQUIRE(region.Failing().starts_with("[-]data-dir failed: /data/meta.properties"));
}

TEST_CASE("A storage shard that does not turn is named, and forgiven once it does") {
  Region region;
  region.shards.Hold();  // It hangs, as in a sync of a disk that does.
  region.readiness.AskShards();
  region.clock.Advance(Readiness::kPatience);
  region.readiness.Look(OkStatus());
  REQUIRE(region.Failing() == "");
  region.clock.Advance(seconds(3));
  region.readiness.AskShards();  // Asked once, until it has answered.
  region.readiness.Look(OkStatus());
  REQUIRE(region.Failing() ==
          "[-]storage-shards failed: storage shard 0 has not turned for 13 s: does the disk "
          "hang?\n");
  region.shards.Release();
  REQUIRE(region.Failing() == "");
}

}  // namespace
}  // namespace atl::broker
