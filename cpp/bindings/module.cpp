// The extension module: calls each bind_ function, and defines the constants and small functions.
#include <chrono>

#include "bind.h"
#include "msgq/version.h"

namespace {

namespace py = pybind11;

py::bytes new_id() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  return msgq::draw_ids(1, ms).to_bytes();
}

void number(py::module_& module, std::initializer_list<const char*> names) {
  int value = 0;
  for (const char* name : names) module.attr(name) = value++;
}

}  // namespace

PYBIND11_MODULE(_core, module) {
  module.attr("__version__") = msgq::kVersion;
  number(module,
         {"VERDICT_ACK", "VERDICT_RETRY", "VERDICT_SNOOZE", "VERDICT_REJECT", "VERDICT_LEAVE"});
  number(module, {"CONTENT_BYTES", "CONTENT_JSON", "CONTENT_MSGPACK", "CONTENT_TEXT"});
  number(module, {"PENDING", "PERSISTED", "DUPLICATE", "FAILED", "IN_DOUBT", "DROPPED"});
  msgq::bindings::bind_errors(module);
  msgq::bindings::bind_producer(module);
  msgq::bindings::bind_worker(module);
  msgq::bindings::bind_engine(module);
  msgq::bindings::bind_database(module);
  module.def(
      "validate_queue_name", [](const std::string& name) { msgq::validate_queue_name(name); },
      py::arg("name"));
  module.def("new_id", &new_id);
  module.def("sqlite_library", &msgq::sqlite_library);
  module.def("build_facts", &msgq::build_facts);
}
