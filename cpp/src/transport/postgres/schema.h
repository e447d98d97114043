// The tables and functions in the database: made, brought up to date by exactly one of many
// starters, refused when they are of a newer msgq; removed again; shown as text.
//
// Threads: pure functions; any number of processes at once.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "transport/postgres/connection.h"

namespace msgq::transport::postgres {

inline constexpr int kSchemaVersion = 3;

// Makes what is missing when `creates`. Throws kSchemaMismatch naming the command that helps, and
// what a connection throws.
void prepare_schema(const ConnectionSpec& spec, Log& log, bool creates);
void prepare_schema(const std::string& dsn, const std::string& schema, bool creates,
                    bool again = false);

// The same, and functions and views are made anew in any case.
void upgrade_schema(const ConnectionSpec& spec);

// The URL with a bound for how long connecting may take.
std::string dsn_of(const ConnectionSpec& spec);

// 0 when there is nothing yet.
int schema_version(const ConnectionSpec& spec, Log& log);

// Removes all that msgq has made in the schema, and the schema when nothing else is in it; what
// the messages are is lost. Throws kStoreRejected while processes use it.
void remove_schema(const ConnectionSpec& spec, Log& log);

// What prepare_schema does to an empty database, for people who do it by hand.
std::string schema_text(const std::string& schema);

// Whether this role may claim, or send only.
bool may_work(const ConnectionSpec& spec, Log& log);

// Facts about the server and what this role may do, as (name, value).
std::vector<std::pair<std::string, std::string>> server_facts(const ConnectionSpec& spec, Log& log);

// Throws kStoreRejected for a server that is too old; `version` as libpq says it, 150004.
void require_server(int version);

// Throws kConfigInvalid unless it is a plain lower-case name of at most 50 characters.
void validate_schema_name(const std::string& schema);

}  // namespace msgq::transport::postgres
