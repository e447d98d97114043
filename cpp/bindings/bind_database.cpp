// What `msgq db` asks of the core: the schema of a database, without an engine.
#include <pybind11/stl.h>

#include "bind.h"
#include "gil.h"
#include "msgq/database.h"

namespace msgq::bindings {
namespace {

// Calls it without the GIL: it waits for a network.
template <typename Result>
auto asked(Result (*call)(const Config&)) {
  return [call](const py::dict& options) {
    const Config config = to_config(options);
    GilReleased released;
    return call(config);
  };
}

}  // namespace

void bind_database(py::module_& module) {
  using py::arg;
  module.def("schema_version", asked(&schema_version), arg("options"));
  module.def("upgrade_schema", asked(&upgrade_schema), arg("options"));
  module.def("remove_schema", asked(&remove_schema), arg("options"));
  module.def("schema_text", asked(&schema_text), arg("options"));
  module.def(
      "grant_roles",
      [](const py::dict& options, std::vector<std::string> producers,
         std::vector<std::string> workers, std::vector<std::string> viewers, bool runs) {
        const Config config = to_config(options);
        const Roles roles{std::move(producers), std::move(workers), std::move(viewers)};
        GilReleased released;
        return grant_roles(config, roles, runs);
      },
      arg("options"), arg("producers"), arg("workers"), arg("viewers"), arg("runs"));
  module.def("server_facts", asked(&server_facts), arg("options"));
}

}  // namespace msgq::bindings
