// What each binding file adds to the module, and what they share.
//
// Threads: called once, at import, with the GIL.
#pragma once

#include <pybind11/pybind11.h>

#include "msgq/engine.h"

namespace msgq::bindings {

namespace py = pybind11;
using EngineClass = py::class_<Engine, std::shared_ptr<Engine>>;
using LotClass = py::class_<Lot, LotPtr>;

void bind_errors(py::module_& module);
void bind_producer(py::module_& module);  // Waker, Receipt
void bind_worker(py::module_& module);    // Lot, Worker
void bind_run(py::module_& module, LotClass& lot);
void bind_engine(py::module_& module);  // Engine, with the three below
void bind_database(py::module_& module);
void bind_producing(EngineClass& engine);
void bind_working(EngineClass& engine);
void bind_looking(EngineClass& engine);

// The Python exception object for an error of the core.
py::object to_exception(const Error& error);

[[noreturn]] void refuse_kind(py::handle object, const char* what);
// A view of a bytes object; throws kPayloadInvalid naming `what` for anything else.
inline std::string_view view_bytes(py::handle object, const char* what) {
  if (!PyBytes_Check(object.ptr())) refuse_kind(object, what);
  return {PyBytes_AS_STRING(object.ptr()),
          static_cast<std::size_t>(PyBytes_GET_SIZE(object.ptr()))};
}
// History as a JSON array.
py::bytes history_json(std::string_view lines);
std::vector<Decision> to_decisions(const py::sequence& list);
std::vector<MessageId> to_ids(const py::sequence& list);
py::tuple to_found(const FoundMessage& found);
py::dict to_dict(const Snapshot& snapshot);
py::list to_list(const std::vector<QueueDepth>& depth);
Config to_config(const py::dict& options);

}  // namespace msgq::bindings
