#include <atomic>
#include <future>
#include <set>
#include <string>

#include "base/memory_file.h"
#include "runtime/reactor.h"
#include "runtime/storage_shards.h"

#include <catch2/catch.hpp>

namespace atl::runtime {
namespace {

// Writes what was staged into one file and says what happened in a shared log.
class FakePartition final : public TurnParticipant {
 public:
  FakePartition(std::string* log, char name, File* file = nullptr)
      : log_(log), name_(name), file_(file) {}
  File* WriteStaged() override {
    *log_ += fmt::format(" write-{}", name_);
    return file_;
  }
  void Publish(const Status& sync) override {
    *log_ += fmt::format(" publish-{}{}", name_, sync.ok() ? "" : "-failed");
  }

 private:
  std::string* const log_;
  const char name_;
  File* const file_;
};

class FakeJob final : public ShardJob {
 public:
  FakeJob(std::string* log, std::string name, std::vector<std::shared_ptr<TurnParticipant>> touches,
          CompleteAfter after = CompleteAfter::kSync, Reactor* home = nullptr)
      : log_(log),
        name_(std::move(name)),
        touches_(std::move(touches)),
        after_(after),
        home_(home) {}
  void Run(ShardTurn& turn) override {
    *log_ += " run-" + name_;
    for (const auto& participant : touches_) turn.Touch(participant);
  }
  void Complete() override {
    *log_ += " done-" + name_;
    if (on_complete) on_complete();
  }
  CompleteAfter complete_after() const override { return after_; }
  Reactor* home() const override { return home_; }

  std::function<void()> on_complete;

 private:
  std::string* const log_;
  const std::string name_;
  const std::vector<std::shared_ptr<TurnParticipant>> touches_;
  const CompleteAfter after_;
  Reactor* const home_;
};

struct Inline {
  MemoryFileSystem fs;
  Metrics metrics;
  std::string log;
  StorageShards shards{0, fs, "/d", metrics};

  Inline() { REQUIRE(fs.CreateFolders("/d").ok()); }
  std::shared_ptr<File> MakeFile(const std::string& name) {
    return fs.Open("/d/" + name, OpenMode::kCreate).value();
  }
  void Post(std::string name, std::vector<std::shared_ptr<TurnParticipant>> touches,
            CompleteAfter after = CompleteAfter::kSync, Reactor* home = nullptr) {
    shards.Post(0,
                std::make_unique<FakeJob>(&log, std::move(name), std::move(touches), after, home));
  }
};

TEST_CASE("A turn runs all jobs, writes once a partition, syncs, publishes, completes",
          "[storage_shards]") {
  Inline test;
  const auto file = test.MakeFile("a");
  const auto a = std::make_shared<FakePartition>(&test.log, 'a', file.get());
  const auto b = std::make_shared<FakePartition>(&test.log, 'b');
  test.fs.SetFault([&test](MemoryFileSystem::Operation operation, const std::string&) {
    if (operation == MemoryFileSystem::Operation::kSync) test.log += " sync";
    return OkStatus();
  });
  test.shards.Hold();
  test.Post("1", {a});
  test.Post("2", {b}, CompleteAfter::kWrite);
  test.Post("3", {a, b});
  REQUIRE(test.log.empty());
  test.shards.Release();
  REQUIRE(test.log ==
          " run-1 run-2 run-3 write-a write-b done-2 sync publish-a publish-b done-1 done-3");
}

TEST_CASE("Inline, each post is a turn, and a post from within one is the next turn",
          "[storage_shards]") {
  Inline test;
  const auto a = std::make_shared<FakePartition>(&test.log, 'a');
  auto job =
      std::make_unique<FakeJob>(&test.log, "1", std::vector<std::shared_ptr<TurnParticipant>>{a});
  job->on_complete = [&] {
    test.Post("2", {a});
    test.log += " posted";
  };
  test.shards.Post(0, std::move(job));
  REQUIRE(test.log == " run-1 write-a publish-a done-1 posted run-2 write-a publish-a done-2");
}

TEST_CASE("A failed sync reaches its own partition only, and is counted", "[storage_shards]") {
  Inline test;
  const auto good = test.MakeFile("good");
  const auto bad = test.MakeFile("bad");
  test.fs.SetFault([](MemoryFileSystem::Operation operation, const std::string& path) {
    const bool fails = operation == MemoryFileSystem::Operation::kSync && path == "/d/bad";
    return fails ? StatusFromErrno(5, path) : OkStatus();
  });
  test.Post("1", {std::make_shared<FakePartition>(&test.log, 'g', good.get()),
                  std::make_shared<FakePartition>(&test.log, 'n'),
                  std::make_shared<FakePartition>(&test.log, 'b', bad.get())});
  REQUIRE_THAT(test.log, Catch::EndsWith("publish-g publish-n publish-b-failed done-1"));
  REQUIRE_THAT(test.metrics.Text(),
               Catch::Contains("atoll_storage_sync_errors_total{volume=\"data\"} 1\n"));
  REQUIRE_THAT(test.metrics.Text(),
               Catch::Contains("atoll_storage_fsync_duration_seconds_count{volume=\"data\"} 1\n"));
}

TEST_CASE("Few files are synced one by one, many at once", "[storage_shards]") {
  MemoryFileSystem fs;
  REQUIRE(fs.CreateFolders("/d").ok());
  std::multiset<std::string> synced;
  bool fail = false;
  fs.SetFault([&](MemoryFileSystem::Operation operation, const std::string& path) {
    if (operation != MemoryFileSystem::Operation::kSync) return OkStatus();
    synced.insert(path);
    return fail ? StatusFromErrno(5, path) : OkStatus();
  });
  std::vector<std::shared_ptr<File>> files;
  std::vector<File*> raw;
  for (int i = 0; i < 100; ++i) {
    files.push_back(fs.Open(fmt::format("/d/{}", i), OpenMode::kCreate).value());
    raw.push_back(files.back().get());
  }
  for (const Status& status : SyncRound(std::span(raw).first(2), fs, "/d")) REQUIRE(status.ok());
  REQUIRE(synced == std::multiset<std::string>{"/d/0", "/d/1"});
  synced.clear();
  fail = true;
  const std::vector<Status> outcomes = SyncRound(raw, fs, "/d");
  REQUIRE(synced == std::multiset<std::string>{"/d"});
  REQUIRE(outcomes.size() == 100);
  for (const Status& status : outcomes) REQUIRE(status.code() == StatusCode::kDataLoss);
  REQUIRE(SyncRound({}, fs, "/d").empty());
}

TEST_CASE("A job completes on its home reactor", "[storage_shards]") {
  Inline test;
  Reactor reactor("test");
  const auto a = std::make_shared<FakePartition>(&test.log, 'a');
  test.shards.Hold();
  test.Post("1", {a}, CompleteAfter::kSync, &reactor);
  test.Post("2", {a}, CompleteAfter::kWrite, &reactor);
  test.Post("3", {a}, CompleteAfter::kSync, &reactor);
  test.shards.Release();
  REQUIRE(test.log == " run-1 run-2 run-3 write-a publish-a");
  // One wake-up for the write phase and one for the sync phase, however many jobs.
  REQUIRE(reactor.context().poll() == 2);
  REQUIRE_THAT(test.log, Catch::EndsWith("publish-a done-2 done-1 done-3"));
}

TEST_CASE("Stop runs what is held inline", "[storage_shards]") {
  Inline test;
  test.shards.Hold();
  test.Post("1", {});
  test.shards.Stop();
  REQUIRE(test.log == " run-1 done-1");
}

// Counts completions; checks that each shard runs its jobs one at a time and in order.
class CountingJob final : public ShardJob {
 public:
  CountingJob(int number, int* last, std::atomic<int>* completed)
      : number_(number), last_(last), completed_(completed) {}
  void Run(ShardTurn&) override {
    in_order_ = *last_ == number_ - 1;
    *last_ = number_;
  }
  void Complete() override { completed_->fetch_add(in_order_ ? 1 : 0); }

 private:
  const int number_;
  int* const last_;  // Unguarded on purpose: one shard, one thread.
  std::atomic<int>* const completed_;
  bool in_order_ = false;
};

TEST_CASE("With threads every shard runs its jobs in order, and Stop loses none",
          "[storage_shards]") {
  constexpr int kJobs = 2000;
  MemoryFileSystem fs;
  Metrics metrics;
  StorageShards shards(2, fs, "/d", metrics);
  REQUIRE(shards.size() == 2);
  REQUIRE(shards.ShardOf(7) == 1);
  int last[2] = {0, 0};
  std::atomic<int> completed{0};
  for (int number = 1; number <= kJobs; ++number) {
    for (const int shard : {0, 1}) {
      shards.Post(shard, std::make_unique<CountingJob>(number, &last[shard], &completed));
    }
  }
  shards.Stop();
  REQUIRE(completed == 2 * kJobs);
  shards.Stop();
}

}  // namespace
}  // namespace atl::runtime
