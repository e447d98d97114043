// What `msgq db` and `msgq check` do to a store's tables without opening an engine. Stores that
// keep no schema of their own answer kUnsupported.
//
// Threads: pure functions; any. Each but schema_text waits for a network, without the GIL.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "msgq/config.h"

namespace msgq {

// Version in the database, 0 for nothing yet, and the one that this msgq makes.
std::pair<int, int> schema_version(const Config& config);

// Makes or upgrades the tables, and makes functions and views anew, whatever config.create_schema
// says. Throws kSchemaMismatch for those of a newer msgq, kStoreRejected without the rights.
void upgrade_schema(const Config& config);

// Removes all tables and with them all messages. Throws kStoreRejected while a process uses them.
void remove_schema(const Config& config);

// The statements of upgrade_schema on an empty database, for people who run them by hand.
std::string schema_text(const Config& config);

// Names of roles of the database, and what they are to do.
struct Roles {
  std::vector<std::string> producers, workers, viewers;
};

// The statements that give these roles what they need and no more; run when `runs`. Throws
// kStoreRejected for a role that is not there, or without the rights.
std::vector<std::string> grant_roles(const Config& config, const Roles& roles, bool runs);

// Settings of the server and rights of the role, as (name, value).
std::vector<std::pair<std::string, std::string>> server_facts(const Config& config);

}  // namespace msgq
