// Looks at a store and administers it over a connection of its own, made when it is first used.
//
// Threads: any; one mutex, held for a call.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/log.h"
#include "base/mutex.h"
#include "transport/postgres/ack_bar.h"
#include "transport/postgres/connection.h"
#include "transport/postgres/directory.h"
#include "transport/transport.h"

namespace msgq::transport::postgres {

class PostgresLook final : public Look {
 public:
  PostgresLook(ConnectionSpec spec, Clock& clock, Log& log,
               std::function<void(Connection&)> test_only_before);
  ~PostgresLook() override;

  std::vector<std::string> queues() override;
  std::vector<QueueDepth> depth() override;
  std::vector<FoundMessage> peek(std::string_view queue, std::string_view after,
                                 std::uint32_t limit) override;
  std::optional<FoundMessage> find(std::string_view queue, MessageId id) override;
  std::vector<FoundMessage> dead(std::string_view queue, std::string_view after,
                                 std::uint32_t limit) override;
  std::uint64_t redrive(std::string_view queue, const std::vector<MessageId>& ids) override;
  std::uint64_t delete_dead(std::string_view queue, const std::vector<MessageId>& ids) override;
  std::uint64_t purge(std::string_view queue) override;
  void delete_queue(std::string_view queue) override;
  void backup(const std::string& path) override;
  std::uint64_t store_bytes() override;
  std::uint64_t connections() override;
  std::vector<AckFate> bar(const std::vector<AckPlace>& places) override {
    return ack_bar_.run(places);
  }

 private:
  template <typename Use>
  auto use(Use use);
  template <typename Make>
  std::uint64_t take_dead(std::string_view queue, const std::vector<MessageId>& ids,
                          const char* function, Make make_params);

  // fixed after construction
  const ConnectionSpec spec_;
  Clock& clock_;
  Log& log_;
  const std::function<void(Connection&)> before_;
  AckBar ack_bar_;
  Mutex mutex_;
  // guarded by mutex_
  std::unique_ptr<Connection> connection_;
  Directory directory_{0};
};

}  // namespace msgq::transport::postgres
