#include "transport/sqlite/schema.h"

#include "msgq/error.h"
#include "transport/sql_text.h"
#include "transport/sqlite/statement.h"

namespace msgq::transport::sqlite {
namespace {

// kMigrations[v] takes a file from version v to v + 1. Numbers are never reused, texts never
// changed.
constexpr const char* kMigrations[] = {sql::sqlite::kMigration0001Create,
                                       sql::sqlite::kMigration0002PriorityTimeKeys};
static_assert(std::size(kMigrations) == kSchemaVersion);

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw Error(ErrorCode::kSchemaMismatch, path + " " + why + "; it was not touched");
}

struct Stamp {
  std::int64_t application = 0, version = 0, tables = 0;
};

// All three of one moment: another process may be making the file.
Stamp read_stamp(Connection& reader) {
  reader.run(sql::sqlite::kBeginRead);
  Stamp out;
  try {
    out = {reader.ask(sql::sqlite::kReadApplicationId), reader.ask(sql::sqlite::kReadUserVersion),
           reader.ask(sql::sqlite::kCountTables)};
  } catch (...) {
    reader.rollback();
    throw;
  }
  reader.rollback();
  return out;
}

// The pids of the other processes that have the file open; a row without a lock is of a dead one.
std::string living(Connection& writer, ProcessLock& self) {
  Statement list(writer.handle(), sql::sqlite::kListProcesses);
  Cursor row = list.query(self.id());
  std::string out;
  while (row.next()) {
    if (!self.is_alive(row.integer(0))) continue;
    out += (out.empty() ? "" : ", ") + std::to_string(row.integer(3));
  }
  return out;
}

}  // namespace

Origin identify(Connection& reader, const std::string& path) {
  const auto [application, version, tables] = read_stamp(reader);
  if (application == 0 && version == 0 && tables == 0) return Origin::kEmpty;
  if (application != kApplicationId)
    refuse(path, "is a SQLite file of another program (application_id " +
                     std::to_string(application) + "): give another path");
  if (version > kSchemaVersion)
    refuse(path, "was written by a newer msgq (schema " + std::to_string(version) +
                     ", this one knows up to " + std::to_string(kSchemaVersion) +
                     "): upgrade msgq here, or give another path");
  return Origin::kOurs;
}

void migrate(Connection& writer, const std::string& path, ProcessLock& self) {
  writer.run(identify(writer, path) == Origin::kEmpty ? sql::sqlite::kPrepareFile
                                                      : sql::sqlite::kSetLogMode);
  if (writer.ask(sql::sqlite::kReadUserVersion) == kSchemaVersion) return;
  writer.begin();
  try {
    auto version = writer.ask(sql::sqlite::kReadUserVersion);
    if (const std::string pids = version == 0 ? "" : living(writer, self); !pids.empty())
      refuse(path, "is of an older msgq (schema " + std::to_string(version) + " of " +
                       std::to_string(kSchemaVersion) + ") and is open in other processes (pid " +
                       pids + "): close them, then open it again here to upgrade it");
    for (; version < kSchemaVersion; ++version) writer.run(kMigrations[version]);
    writer.run(sql::sqlite::kStampFile);
    writer.commit();
  } catch (...) {
    writer.rollback();
    throw;
  }
}

}  // namespace msgq::transport::sqlite
