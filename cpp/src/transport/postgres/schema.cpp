#include "transport/postgres/schema.h"

#include <algorithm>
#include <iterator>

#include "msgq/error.h"
#include "transport/postgres/connection.h"
#include "transport/postgres/pqxx_call.h"
#include "transport/sql_text.h"

namespace msgq::transport::postgres {
namespace {

// kMigrations[v] takes a schema from version v to v + 1. Numbers are never reused, texts never
// changed.
constexpr const char* kMigrations[] = {sql::postgres::kMigration0001Create};
static_assert(std::size(kMigrations) == kSchemaVersion);

// 0 when there is nothing yet.
int read_version(pqxx::work& work, const std::string& schema) {
  const auto exists = work.exec(with_schema(sql::postgres::kHasSchema, schema));
  if (!exists[0][0].as<bool>()) return 0;
  return work.exec(with_schema(sql::postgres::kSchemaVersion, schema))[0][0].as<int>();
}

void upgrade(pqxx::work& work, const std::string& schema, int version) {
  work.exec(sql::postgres::kSkipBodyChecks);
  work.exec(with_schema(sql::postgres::kMakeSchema, schema));
  for (; version < kSchemaVersion; ++version) work.exec(with_schema(kMigrations[version], schema));
  for (const char* function : sql::postgres::functions::kAll)
    work.exec(with_schema(function, schema));
  work.exec_params(with_schema(sql::postgres::kNoteVersion, schema), kSchemaVersion);
}

}  // namespace

void validate_schema_name(const std::string& schema) {
  constexpr std::size_t kSizeMax = 50;  // room for prefixes below PostgreSQL's 63
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  if (schema.empty() || schema.size() > kSizeMax ||
      !std::all_of(schema.begin(), schema.end(), is_plain) ||
      (schema[0] >= '0' && schema[0] <= '9'))
    throw Error(ErrorCode::kConfigInvalid,
                "'" + schema + "' is no name for a schema: a to z, 0 to 9 and _, at most " +
                    std::to_string(kSizeMax) + ", no digit first");
}

void prepare_schema(const std::string& dsn, const std::string& schema, bool creates) {
  pqxx_call(dsn, [&](pqxx::work& work) {
    // A role may have another as its default, and would not see what the one before did.
    work.exec(sql::postgres::kSetReadCommitted);
    if (read_version(work, schema) == kSchemaVersion) return;
    // Of many starters one goes on; the others wait here, and find the work done.
    work.exec(with_schema(sql::postgres::kLockSchema, schema));
    const int version = read_version(work, schema);
    if (version == kSchemaVersion) return;
    if (version > kSchemaVersion)
      throw Error(ErrorCode::kSchemaMismatch,
                  "schema '" + schema + "' is of a newer msgq (version " + std::to_string(version) +
                      ", this one knows up to " + std::to_string(kSchemaVersion) +
                      "): upgrade msgq here");
    if (!creates)
      throw Error(ErrorCode::kSchemaMismatch, "schema '" + schema + "' has version " +
                                                  std::to_string(version) + " of " +
                                                  std::to_string(kSchemaVersion) +
                                                  " and create_schema is off: msgq db upgrade");
    upgrade(work, schema, version);
    work.commit();
  });
}

}  // namespace msgq::transport::postgres
