// The tables and functions in the database: made, brought up to date by exactly one of many
// starters, refused when they are of a newer msgq.
//
// Threads: pure functions; any number of processes at once.
#pragma once

#include <string>

namespace msgq::transport::postgres {

inline constexpr int kSchemaVersion = 1;

// Makes what is missing when `creates`. Throws kSchemaMismatch naming the command that helps, and
// what a connection throws.
void prepare_schema(const std::string& dsn, const std::string& schema, bool creates);

// Throws kConfigInvalid unless it is a plain lower-case name of at most 50 characters.
void validate_schema_name(const std::string& schema);

}  // namespace msgq::transport::postgres
