// The rows of processes and of owners, their connections: who may write, and the last exchange each
// owner committed.
//
// Threads: that of the connection; inside a write transaction.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bitmap.h"
#include "transport/sqlite/statement.h"

namespace msgq::transport::sqlite {

struct ProcessRow {
  std::int64_t id = 0;
  std::string boot_id;
  std::string host;
  std::int64_t pid = 0;
};

// What an owner's last committed exchange was.
struct LastRequest {
  std::int64_t request = 0;
  Bitmap lost;  // settles that were refused
  bool is_known = false;
};

class Processes {
 public:
  explicit Processes(sqlite3* database);

  void join(const ProcessRow& process, std::int64_t wall_ms);
  std::vector<ProcessRow> others(std::int64_t process);
  void beat(std::int64_t process, std::int64_t wall_ms);
  // Removes the row and those of its owners.
  void leave(std::int64_t process);

  void open_owner(std::int64_t owner, std::int64_t process);
  // False when the owner is closed or gone.
  bool raise_request(std::int64_t owner, std::int64_t request, const Bitmap& lost);
  bool close_owner(std::int64_t owner);
  void delete_owner(std::int64_t owner);
  LastRequest read_owner(std::int64_t owner);

 private:
  Statement join_, list_, beat_, leave_, delete_owners_;
  Statement open_owner_, raise_, close_owner_, delete_owner_, read_owner_;
};

// This machine's boot, and its name.
std::string read_boot_id();
std::string read_host();

}  // namespace msgq::transport::sqlite
