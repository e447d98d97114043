#include "msgq/database.h"

#include "msgq/error.h"
#if MSGQ_WITH_POSTGRES
#include "transport/postgres/grants.h"
#include "transport/postgres/schema.h"
#endif

namespace msgq {

#if MSGQ_WITH_POSTGRES

namespace pg = transport::postgres;

namespace {

pg::ConnectionSpec spec_of(const Config& config) {
  config.validate();
  if (config.scheme != "postgresql")
    throw Error(ErrorCode::kUnsupported,
                "the " + config.scheme + " transport has no schema in a database");
  pg::validate_schema_name(config.schema);
  pg::ConnectionSpec spec;
  spec.dsn = config.dsn;
  spec.schema = config.schema;
  spec.role = "db";
  spec.connect_timeout = config.connect_timeout;
  return spec;
}

}  // namespace

std::pair<int, int> schema_version(const Config& config) {
  Log log;
  return {pg::schema_version(spec_of(config), log), pg::kSchemaVersion};
}

void upgrade_schema(const Config& config) {
  const auto spec = spec_of(config);
  Log log;
  static_cast<void>(pg::schema_version(spec, log));  // a server that is too old is named
  pg::upgrade_schema(spec);
}

void remove_schema(const Config& config) {
  Log log;
  pg::remove_schema(spec_of(config), log);
}

std::string schema_text(const Config& config) { return pg::schema_text(spec_of(config).schema); }

std::vector<std::string> grant_roles(const Config& config, const Roles& roles, bool runs) {
  return pg::grant_roles(spec_of(config), {roles.producers, roles.workers, roles.viewers}, runs);
}

std::vector<std::pair<std::string, std::string>> server_facts(const Config& config) {
  Log log;
  return pg::server_facts(spec_of(config), log);
}

#else

namespace {

[[noreturn]] void refuse() {
  throw Error(ErrorCode::kUnsupported, "this msgq was built without the transport 'postgresql'");
}

}  // namespace

std::pair<int, int> schema_version(const Config&) { refuse(); }
void upgrade_schema(const Config&) { refuse(); }
void remove_schema(const Config&) { refuse(); }
std::string schema_text(const Config&) { refuse(); }
std::vector<std::string> grant_roles(const Config&, const Roles&, bool) { refuse(); }
std::vector<std::pair<std::string, std::string>> server_facts(const Config&) { refuse(); }

#endif

}  // namespace msgq
