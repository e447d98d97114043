// A dict of options to the core's Config: every key is a member of config.h, durations in
// milliseconds. Unknown keys are refused; ranges are checked by Config::validate().
#include <functional>
#include <map>

#include "bind.h"

namespace msgq::bindings {
namespace {

using Setter = std::function<void(Config&, py::handle)>;

template <typename T>
Setter plain(T Config::*member) {
  return [member](Config& config, py::handle value) { config.*member = value.cast<T>(); };
}

Setter millis(Config::Millis Config::*member) {
  return [member](Config& config, py::handle value) {
    config.*member = Config::Millis(value.cast<std::int64_t>());
  };
}

template <typename T>
Setter choice(T Config::*member, std::map<std::string, T> choices) {
  return [member, choices](Config& config, py::handle value) {
    const auto found = choices.find(value.cast<std::string>());
    if (found == choices.end()) throw py::cast_error("not one of the choices");
    config.*member = found->second;
  };
}

const std::map<std::string, Setter>& setters() {
  static const std::map<std::string, Setter> table{
      {"scheme", plain(&Config::scheme)},
      {"path", plain(&Config::path)},
      {"dsn", plain(&Config::dsn)},
      {"schema", plain(&Config::schema)},
      {"create_schema", plain(&Config::create_schema)},
      {"read_url", plain(&Config::read_dsn)},
      {"read_staleness_max", millis(&Config::read_staleness_max)},
      {"connect_timeout", millis(&Config::connect_timeout)},
      {"lanes", plain(&Config::lanes)},
      {"pgbouncer",
       choice<Pooler>(&Config::pgbouncer,
                      {{"auto", Pooler::kAuto}, {"on", Pooler::kOn}, {"off", Pooler::kOff}})},
      {"pool_size", plain(&Config::pool_size)},
      {"writers", plain(&Config::writers)},
      {"pool_wait", millis(&Config::pool_wait)},
      {"idle_timeout", millis(&Config::idle_timeout)},
      {"max_age", millis(&Config::max_age)},
      {"health_interval", millis(&Config::health_interval)},
      {"inflight_count_max", plain(&Config::inflight_count_max)},
      {"inflight_bytes_max", plain(&Config::inflight_bytes_max)},
      {"overflow", choice<Overflow>(&Config::overflow, {{"block", Overflow::kBlock},
                                                        {"raise", Overflow::kRaise},
                                                        {"drop", Overflow::kDrop}})},
      {"overflow_wait", millis(&Config::overflow_wait)},
      {"enqueue_timeout", millis(&Config::enqueue_timeout)},
      {"linger", millis(&Config::linger)},
      {"batch_count_max", plain(&Config::batch_count_max)},
      {"batch_bytes_max", plain(&Config::batch_bytes_max)},
      {"flush_count_max", plain(&Config::flush_count_max)},
      {"message_bytes_max", plain(&Config::message_bytes_max)},
      {"store_count_max", plain(&Config::store_count_max)},
      {"store_bytes_max", plain(&Config::store_bytes_max)},
      {"durability", choice<Durability>(&Config::durability,
                                        {{"sync", Durability::kSync}, {"os", Durability::kOs}})},
      {"lease", millis(&Config::lease)},
      {"lease_max", millis(&Config::lease_max)},
      {"claim_size", plain(&Config::claim_size)},
      {"prefetch", plain(&Config::prefetch)},
      {"crashes_max", plain(&Config::crashes_max)},
      {"dead_retention", millis(&Config::dead_retention)},
      {"priority_aging", millis(&Config::priority_aging)},
      {"expired",
       choice<Expired>(&Config::expired, {{"drop", Expired::kDrop}, {"dead", Expired::kDead}})},
      {"poll_min", millis(&Config::poll_min)},
      {"poll_max", millis(&Config::poll_max)},
      {"busy_timeout", millis(&Config::busy_timeout)},
      {"strict_queues", plain(&Config::strict_queues)},
  };
  return table;
}

}  // namespace

Config to_config(const py::dict& options) {
  Config config;
  for (const auto& [key, value] : options) {
    const auto name = key.cast<std::string>();
    const auto found = setters().find(name);
    if (found == setters().end())
      throw Error(ErrorCode::kConfigInvalid, "the core has no option '" + name + "'");
    try {
      found->second(config, value);
    } catch (const py::cast_error&) {
      throw Error(ErrorCode::kConfigInvalid,
                  "option '" + name + "' cannot be " + py::repr(value).cast<std::string>());
    }
  }
  return config;
}

}  // namespace msgq::bindings
