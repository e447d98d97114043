// Looks at a store and administers it, each call over a connection of the pool.
//
// Threads: any.
#pragma once

#include <functional>
#include <string>

#include "transport/postgres/ack_bar.h"
#include "transport/postgres/directory.h"
#include "transport/postgres/pool.h"
#include "transport/transport.h"

namespace msgq::transport::postgres {

class PostgresLook final : public Look {
 public:
  PostgresLook(Pool& pool, Clock& clock, std::function<void(Connection&)> test_only_before);
  // Called once what is set of a queue has changed.
  std::function<void()> on_altered;

  std::vector<std::string> queues() override;
  std::vector<QueueDepth> depth() override;
  std::vector<FoundMessage> peek(std::string_view queue, std::string_view after,
                                 std::uint32_t limit) override;
  std::optional<FoundMessage> find(std::string_view queue, MessageId id) override;
  std::vector<FoundMessage> dead(std::string_view queue, std::string_view after,
                                 std::uint32_t limit) override;
  std::uint64_t redrive(std::string_view queue, const std::vector<MessageId>& ids) override;
  std::uint64_t delete_dead(std::string_view queue, const std::vector<MessageId>& ids) override;
  std::uint64_t edit_dead(std::string_view queue, const DeadEdit& edit) override;
  std::uint64_t purge(std::string_view queue) override;
  std::uint64_t cancel(std::string_view queue, const std::vector<MessageId>& ids) override;
  std::uint64_t reschedule(std::string_view queue, const std::vector<MessageId>& ids,
                           std::int64_t due_ms) override;
  QueueSettings settings(std::string_view queue) override;
  void alter(std::string_view queue, const QueueChange& change) override;
  void delete_queue(std::string_view queue) override;
  void rename_queue(std::string_view queue, std::string_view name) override;
  bool subscribe(std::string_view queue, std::string_view name, const Start& start) override;
  std::uint64_t seek(std::string_view subscription, const Start& start) override;
  void backup(const std::string& path) override;
  std::uint64_t store_bytes() override;
  ConnectionFigures connections() override { return pool_.figures(); }
  std::vector<AckFate> bar(const std::vector<AckPlace>& places) override {
    return ack_bar_.run(places);
  }

 private:
  template <typename Use>
  auto borrow(Use use);
  template <typename Use>
  auto use(Use use);
  template <typename Use>
  auto look(Use use);
  template <typename Make>
  std::uint64_t take_dead(std::string_view queue, const std::vector<MessageId>& ids,
                          const char* function, Make make_params);
  Rows call_with_place(Connection& connection, const char* function, Params params,
                       const Queue& queue, const Start& start);

  // fixed after construction
  Pool& pool_;
  Clock& clock_;
  const std::function<void(Connection&)> before_;
  AckBar ack_bar_;
};

}  // namespace msgq::transport::postgres
