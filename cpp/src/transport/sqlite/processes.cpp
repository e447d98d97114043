#include "transport/sqlite/processes.h"

#include <unistd.h>

#include <fstream>

#include "transport/sql_text.h"
#include "transport/sqlite/schema.h"

namespace msgq::transport::sqlite {

Processes::Processes(sqlite3* database)
    : join_(database, sql::sqlite::kJoinProcess),
      list_(database, sql::sqlite::kListProcesses),
      beat_(database, sql::sqlite::kBeatProcess),
      leave_(database, sql::sqlite::kLeaveProcess),
      delete_owners_(database, sql::sqlite::kDeleteOwnersOf),
      open_owner_(database, sql::sqlite::kOpenOwner),
      raise_(database, sql::sqlite::kRaiseRequest),
      close_owner_(database, sql::sqlite::kCloseOwner),
      delete_owner_(database, sql::sqlite::kDeleteOwner),
      read_owner_(database, sql::sqlite::kReadOwner) {}

void Processes::join(const ProcessRow& process, std::int64_t wall_ms) {
  join_.run(process.id, std::string_view(process.boot_id), std::string_view(process.host),
            process.pid, wall_ms, kSchemaVersion);
}

std::vector<ProcessRow> Processes::others(std::int64_t process) {
  std::vector<ProcessRow> out;
  Cursor row = list_.query(process);
  while (row.next()) out.push_back({row.integer(0), row.text(1), row.text(2), row.integer(3)});
  return out;
}

void Processes::beat(std::int64_t process, std::int64_t wall_ms) { beat_.run(process, wall_ms); }

void Processes::leave(std::int64_t process) {
  delete_owners_.run(process);
  leave_.run(process);
}

void Processes::open_owner(std::int64_t owner, std::int64_t process) {
  open_owner_.run(owner, process);
}

bool Processes::raise_request(std::int64_t owner, std::int64_t request, const Bitmap& lost) {
  return raise_.run(owner, request, Blob{lost.bytes(), lost.empty()}) == 1;
}

bool Processes::close_owner(std::int64_t owner) { return close_owner_.run(owner) == 1; }
void Processes::delete_owner(std::int64_t owner) { delete_owner_.run(owner); }

LastRequest Processes::read_owner(std::int64_t owner) {
  Cursor row = read_owner_.query(owner);
  if (!row.next()) return {};
  return {row.integer(0), Bitmap(row.bytes(1)), true};
}

std::string read_boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string out;
  std::getline(file, out);
  return out;
}

std::string read_host() {
  char name[256] = {};
  gethostname(name, sizeof name - 1);
  return name;
}

}  // namespace msgq::transport::sqlite
