#include "transport/open.h"

#include "msgq/error.h"
#include "transport/memory/memory_transport.h"
#if MSGQ_WITH_SQLITE
#include "transport/sqlite/sqlite_transport.h"
#endif
#if MSGQ_WITH_POSTGRES
#include "transport/postgres/postgres_transport.h"
#endif

namespace msgq::transport {

std::unique_ptr<Transport> open_transport(const Config& config, World world, Log& log) {
  if (config.scheme == "memory") return open_memory(config, world, log);
#if MSGQ_WITH_SQLITE
  if (config.scheme == "sqlite") return open_sqlite(config, world, log);
#endif
#if MSGQ_WITH_POSTGRES
  if (config.scheme == "postgresql") return open_postgres(config, world, log);
#endif
  std::string text = "this msgq was built without the transport '" + config.scheme + "'";
  if (config.scheme == "sqlite") text += "; build it with MSGQ_WITH_SQLITE=ON";
  if (config.scheme == "postgresql") text += "; build it with MSGQ_WITH_POSTGRES=ON";
  throw Error(ErrorCode::kUnsupported, text);
}

}  // namespace msgq::transport
