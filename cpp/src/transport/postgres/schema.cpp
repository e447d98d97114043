#include "transport/postgres/schema.h"

#include <algorithm>
#include <iterator>

#include "msgq/error.h"
#include "transport/postgres/connection.h"
#include "transport/postgres/grants.h"
#include "transport/postgres/pqxx_call.h"
#include "transport/sql_text.h"

namespace msgq::transport::postgres {
namespace {

// kMigrations[v] takes a schema from version v to v + 1. Numbers are never reused, texts never
// changed.
constexpr const char* kMigrations[] = {sql::postgres::kMigration0001Create,
                                       sql::postgres::kMigration0002AcksAndPoolers,
                                       sql::postgres::kMigration0003PriorityAndTime};
static_assert(std::size(kMigrations) == kSchemaVersion);

// 0 when there is nothing yet.
int read_version(pqxx::work& work, const std::string& schema) {
  if (!work.exec(with_schema(sql::postgres::kHasSchema, schema))[0][0].as<bool>()) return 0;
  return work.exec(with_schema(sql::postgres::kSchemaVersion, schema))[0][0].as<int>(0);
}

int read_version(Connection& connection) {
  require_server(PQserverVersion(connection.raw()));
  if (connection.ask("has_schema", sql::postgres::kHasSchema).integer(0, 0) == 0) return 0;
  return static_cast<int>(connection.ask("version", sql::postgres::kSchemaVersion).integer(0, 0));
}

// What follows each `head` in a text, as an array of PostgreSQL.
std::string names_behind(std::string_view head, std::string_view text) {
  std::string names;
  for (std::size_t at = text.find(head); at != text.npos; at = text.find(head, at)) {
    at += head.size();
    names += (names.empty() ? "" : ",");
    names += text.substr(at, text.find_first_of(" (;", at) - at);
  }
  return names;
}

// What a schema holds when it is whole, as arrays of PostgreSQL.
struct Names {
  std::string functions, relations;
};

Names made_names() {
  std::string functions, views, migrations;
  for (const char* text : sql::postgres::functions::kAll) functions += text;
  for (const char* text : sql::postgres::views::kAll) views += text;
  for (const char* text : kMigrations) migrations += text;
  return {"{" + names_behind("function :schema.", functions) + "}",
          "{" + names_behind("view :schema.", views) + "," +
              names_behind("table :schema.", migrations) + "," +
              names_behind("sequence :schema.", migrations) + "}"};
}

// Functions that older versions made under names of their own: an upgraded schema may still have
// them. No other name may ever go from cpp/sql/postgres/functions without coming here.
constexpr char kRetired[] = "{figures,read_block,read_outbox,";

// Takes away what upgrade() made, and nothing else.
void remove(pqxx::work& work, const std::string& schema) {
  const Names made = made_names();
  const auto drops = work.exec_params(sql::postgres::kListDrops, schema,
                                      kRetired + made.functions.substr(1), made.relations);
  for (const auto& drop : drops) work.exec(drop[0].as<std::string>());
  work.exec(with_schema(sql::postgres::kDropSchema, schema));
}

void upgrade(pqxx::work& work, const std::string& schema, int version) {
  work.exec(sql::postgres::kSkipBodyChecks);
  work.exec(with_schema(sql::postgres::kMakeSchema, schema));
  const auto senders = list_senders(work, schema);
  for (; version < kSchemaVersion; ++version) work.exec(with_schema(kMigrations[version], schema));
  for (const char* function : sql::postgres::functions::kAll)
    work.exec(with_schema(function, schema));
  for (const char* view : sql::postgres::views::kAll) work.exec(with_schema(view, schema));
  grant_again(work, schema, senders);
  if (read_version(work, schema) != kSchemaVersion)
    work.exec_params(with_schema(sql::postgres::kNoteVersion, schema), kSchemaVersion);
}

}  // namespace

// libpqxx waits as long as the network does unless the URL says how long.
std::string dsn_of(const ConnectionSpec& spec) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(spec.connect_timeout).count();
  return spec.dsn + (spec.dsn.find('?') == std::string::npos ? "?" : "&") +
         "connect_timeout=" + std::to_string(seconds);
}

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

void require_server(int version) {
  constexpr int kOldest = 13;
  if (version / 10'000 < kOldest)
    throw Error(ErrorCode::kStoreRejected,
                "PostgreSQL " + std::to_string(version / 10'000) + " is too old: msgq needs " +
                    std::to_string(kOldest) + " or newer; upgrade the server");
}

int schema_version(const ConnectionSpec& spec, Log& log) {
  Connection connection(spec, log);
  return read_version(connection);
}

void prepare_schema(const ConnectionSpec& spec, Log& log, bool creates) {
  if (schema_version(spec, log) != kSchemaVersion)
    prepare_schema(dsn_of(spec), spec.schema, creates);
}

void upgrade_schema(const ConnectionSpec& spec) {
  prepare_schema(dsn_of(spec), spec.schema, true, true);
}

void prepare_schema(const std::string& dsn, const std::string& schema, bool creates, bool again) {
  pqxx_call(dsn, [&](pqxx::work& work) {
    // A role may have another as its default, and would not see what the one before did.
    work.exec(sql::postgres::kSetReadCommitted);
    if (!again && read_version(work, schema) == kSchemaVersion) return;
    // Of many starters one goes on; the others wait here, and find the work done.
    work.exec(with_schema(sql::postgres::kLockSchema, schema));
    const int version = read_version(work, schema);
    if (!again && version == kSchemaVersion) return;
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

void remove_schema(const ConnectionSpec& spec, Log& log) {
  static_cast<void>(schema_version(spec, log));
  pqxx_call(dsn_of(spec), [&](pqxx::work& work) {
    work.exec(sql::postgres::kSetReadCommitted);
    work.exec(with_schema(sql::postgres::kLockSchema, spec.schema));
    if (read_version(work, spec.schema) == 0) return;
    const auto users = work.exec(with_schema(sql::postgres::kCountUsers, spec.schema));
    if (const int count = users[0][0].as<int>(); count > 0)
      throw Error(ErrorCode::kStoreRejected, std::to_string(count) + " processes use schema '" +
                                                 spec.schema + "': stop them first");
    remove(work, spec.schema);
    work.commit();
  });
}

std::string schema_text(const std::string& schema) {
  validate_schema_name(schema);
  std::string text = "begin;\n";
  const auto add = [&](const char* statement) {
    text += with_schema(statement, schema);
    while (text.back() == '\n' || text.back() == ';') text.pop_back();
    text += ";\n\n";
  };
  add(sql::postgres::kSkipBodyChecks);
  add(sql::postgres::kMakeSchema);
  for (const char* migration : kMigrations) add(migration);
  for (const char* function : sql::postgres::functions::kAll) add(function);
  for (const char* view : sql::postgres::views::kAll) add(view);
  std::string note = sql::postgres::kNoteVersion;
  note.replace(note.find("$1"), 2, std::to_string(kSchemaVersion));
  add(note.c_str());
  return text + "commit;\n";
}

bool may_work(const ConnectionSpec& spec, Log& log) {
  Connection connection(spec, log);
  return connection.ask("may_work", sql::postgres::kMayWork).integer(0, 0) != 0;
}

std::vector<std::pair<std::string, std::string>> server_facts(const ConnectionSpec& spec,
                                                              Log& log) {
  Connection connection(spec, log);
  const Rows rows = connection.ask("facts", sql::postgres::kServerFacts);
  std::vector<std::pair<std::string, std::string>> out;
  out.reserve(static_cast<std::size_t>(rows.size()));
  for (int row = 0; row < rows.size(); ++row)
    out.emplace_back(std::string(rows.bytes(row, 0)), std::string(rows.bytes(row, 1)));
  out.emplace_back("has_pooler", connection.is_pooled() ? "true" : "false");
  const Names made = made_names();
  pqxx_call(dsn_of(spec), [&](pqxx::work& work) {
    const auto missing =
        work.exec_params(sql::postgres::kListMissing, spec.schema, made.functions, made.relations);
    out.emplace_back("missing", missing[0][0].as<std::string>());
  });
  return out;
}

}  // namespace msgq::transport::postgres
