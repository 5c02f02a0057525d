// Answers an exchange from whatever thread has the answer: at once on its home reactor, else by a
// task there. For what is neither a shard's job nor known at once: the group coordinator's answers.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "core-broker/server/handlers/exchange.h"

namespace atl::broker {

template <kafka::ResponseMessage M>
class ReplyTask final : public runtime::ReactorTask {
 public:
  ReplyTask(ExchangePtr exchange, M response)
      : exchange_(std::move(exchange)), response_(std::move(response)) {}
  void RunOnReactor() override { exchange_->Reply(response_); }

 private:
  const ExchangePtr exchange_;
  const M response_;
};

template <kafka::ResponseMessage M>
void ReplyHome(const ExchangePtr& exchange, M response) {
  if (exchange->home().is_current()) return exchange->Reply(response);
  std::vector<std::unique_ptr<runtime::ReactorTask>> tasks;
  tasks.push_back(std::make_unique<ReplyTask<M>>(exchange, std::move(response)));
  exchange->home().Post(std::move(tasks));
}

}  // namespace atl::broker
