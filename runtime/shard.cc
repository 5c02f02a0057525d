#include "runtime/shard.h"

#include <pthread.h>

#include <utility>

#include "base/check.h"
#include "base/clock.h"

namespace atl::runtime {
namespace {

// Completes jobs on the reactor they came from: one task, hence one wake-up, per reactor and phase.
class CompleteJobs final : public ReactorTask {
 public:
  void Add(std::unique_ptr<ShardJob> job) { jobs_.push_back(std::move(job)); }
  void RunOnReactor() override {
    for (std::unique_ptr<ShardJob>& job : jobs_) {
      job->Complete();
      job.reset();
    }
  }

 private:
  std::vector<std::unique_ptr<ShardJob>> jobs_;
};

}  // namespace

void Shard::StartThread(const std::string& name) {
  thread_ = std::thread([this, name] {
    ::pthread_setname_np(::pthread_self(), name.c_str());
    RunThread();
  });
}

void Shard::Post(std::unique_ptr<ShardJob> job) {
  MutexLock lock(&mutex_);
  CHECK(!stopped_, "a job for a storage shard that has stopped");
  queue_.push_back(std::move(job));
  if (queue_.size() == 1) posted_.Signal();
}

void Shard::RunInline() {
  if (in_turn_) return;
  in_turn_ = true;
  while (true) {
    Jobs jobs;
    {
      MutexLock lock(&mutex_);
      jobs.swap(queue_);
    }
    if (jobs.empty()) break;
    RunTurn(std::move(jobs));
  }
  in_turn_ = false;
}

void Shard::RunThread() {
  while (true) {
    Jobs jobs;
    {
      MutexLock lock(&mutex_);
      while (queue_.empty() && !stopping_) posted_.Wait(&mutex_);
      if (queue_.empty()) {
        stopped_ = true;
        return;
      }
      jobs.swap(queue_);
    }
    RunTurn(std::move(jobs));
  }
}

void Shard::Stop() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    posted_.Signal();
  }
  if (thread_.joinable()) {
    thread_.join();
    return;
  }
  RunInline();
  MutexLock lock(&mutex_);
  stopped_ = true;
}

void Shard::RunTurn(Jobs jobs) {
  ShardTurn turn;
  for (const auto& job : jobs) job->Run(turn);
  std::vector<std::shared_ptr<TurnParticipant>>& participants = turn.touched_;
  touched_.clear();
  std::erase_if(participants,
                [this](const auto& one) { return !touched_.insert(one.get()).second; });

  std::vector<File*> file_of;
  file_of.reserve(participants.size());
  for (const auto& participant : participants) file_of.push_back(participant->WriteStaged());
  Complete(jobs, CompleteAfter::kWrite);

  const std::vector<Status> outcomes = Sync(file_of);
  for (size_t i = 0; i < participants.size(); ++i) participants[i]->Publish(outcomes[i]);
  Complete(jobs, CompleteAfter::kSync);
}

// outcome[i] belongs to file_of[i]; OK where that is null.
std::vector<Status> Shard::Sync(const std::vector<File*>& file_of) {
  std::vector<Status> outcomes(file_of.size());
  std::vector<File*> files;
  for (File* file : file_of) {
    if (file != nullptr) files.push_back(file);
  }
  if (files.empty()) return outcomes;
  const MonotonicTime begin = SystemClock().Now();
  const std::vector<Status> synced = SyncRound(files, environment_.files, environment_.data_folder);
  environment_.sync_seconds.Observe(ToSeconds(SystemClock().Now() - begin));
  size_t next = 0;
  for (size_t i = 0; i < file_of.size(); ++i) {
    if (file_of[i] == nullptr) continue;
    outcomes[i] = synced[next++];
    if (!outcomes[i].ok()) environment_.sync_errors.Increment();
  }
  return outcomes;
}

void Shard::Complete(Jobs& jobs, CompleteAfter phase) {
  std::vector<std::pair<Reactor*, std::unique_ptr<CompleteJobs>>> by_home;
  for (std::unique_ptr<ShardJob>& job : jobs) {
    if (job == nullptr || job->complete_after() != phase) continue;
    Reactor* const home = job->home();
    if (home == nullptr) {
      job->Complete();
      job.reset();
      continue;
    }
    auto batch = by_home.begin();
    while (batch != by_home.end() && batch->first != home) ++batch;
    if (batch == by_home.end()) {
      batch = by_home.emplace(by_home.end(), home, std::make_unique<CompleteJobs>());
    }
    batch->second->Add(std::move(job));
  }
  for (auto& [home, batch] : by_home) {
    std::vector<std::unique_ptr<ReactorTask>> tasks;
    tasks.push_back(std::move(batch));
    home->Post(std::move(tasks));
  }
}

}  // namespace atl::runtime
