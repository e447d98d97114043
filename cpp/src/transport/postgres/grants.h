// Who may do what in a schema: producers send by functions that act with their owner's rights, and
// read or change no table; workers use the tables; viewers read. One statement of SQL names what
// has to be granted, and quotes every name (cpp/sql/postgres/list_grants.sql).
//
// Threads: pure functions; any.
#pragma once

#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "transport/postgres/connection.h"

namespace msgq::transport::postgres {

// Names of roles, and what they are to do.
struct Grantees {
  std::vector<std::string> producers, workers, viewers;
};

// The statements; run in one transaction when `runs`. Throws kStoreRejected for a role that is not
// there or without the rights, kConfigInvalid when no role is named.
std::vector<std::string> grant_roles(const ConnectionSpec& spec, const Grantees& roles, bool runs);

// Roles whose rights an upgrade would undo: asked in front of it, given again behind it.
std::vector<std::string> list_senders(pqxx::work& work, const std::string& schema);
void grant_again(pqxx::work& work, const std::string& schema,
                 const std::vector<std::string>& senders);

}  // namespace msgq::transport::postgres
