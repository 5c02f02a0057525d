// Runs a handler's work on the broker's blocking shard, and replies with its result on the home
// reactor: for everything that touches RocksDB, makes folders or reads cold data.
#pragma once

#include <memory>
#include <utility>

#include "core-broker/server/handlers/exchange.h"

namespace atl::broker {

template <kafka::RequestMessage R>
class BlockingJob final : public runtime::ShardJob {
 public:
  // Sees the request and the broker; must not answer the exchange itself.
  using Work = typename R::Response (*)(Broker& broker, int16_t version, const R& request);

  BlockingJob(ExchangePtr exchange, R request, Work work)
      : exchange_(std::move(exchange)), request_(std::move(request)), work_(work) {}

  void Run(runtime::ShardTurn&) override {
    response_ = work_(exchange_->broker(), exchange_->version(), request_);
  }
  void Complete() override { exchange_->Reply(response_); }
  runtime::Reactor* home() const override { return &exchange_->home(); }

 private:
  const ExchangePtr exchange_;
  const R request_;
  const Work work_;
  typename R::Response response_;
};

template <kafka::RequestMessage R>
void RunBlocking(ExchangePtr exchange, R request, typename BlockingJob<R>::Work work) {
  runtime::StorageShards& blocking = exchange->broker().blocking;
  blocking.Post(0, std::make_unique<BlockingJob<R>>(std::move(exchange), std::move(request), work));
}

}  // namespace atl::broker
