// Makes a connection to the first host of the URL that serves, each tried by itself for as long as
// connect_timeout says: one that says nothing holds up no other.
//
// Threads: any.
#pragma once

#include <libpq-fe.h>

#include <memory>
#include <string>

#include "transport/postgres/connection_spec.h"

namespace msgq::transport::postgres {

struct Finish {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
using Handle = std::unique_ptr<PGconn, Finish>;

// Begins with the host that served last. Of several hosts one that takes writes, unless the URL
// says otherwise. Throws kStoreUnavailable, kConfigInvalid (nothing will help but another URL).
Handle dial(const ConnectionSpec& spec);

// Waits until something can be read, or also written; false when that did not come in time.
bool wait_for(PGconn* connection, bool writes, Nanos until, const Curfew& curfew);

// What pg_stat_activity shows: "msgq PROCESS ROLE", at most 63 bytes. PROCESS is `given`, the
// application_name of the URL, else the process's number and its host.
std::string application_name(const std::string& given, const std::string& role);

}  // namespace msgq::transport::postgres
