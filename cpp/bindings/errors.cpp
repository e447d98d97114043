// ErrorCode to Python class: one table, one translator. Python owns the classes and hands them over
// once; they are kept for good, so that nothing is looked up while an exception is on its way.
#include <array>
#include <utility>

#include "bind.h"

namespace msgq::bindings {
namespace {

constexpr std::array<std::pair<ErrorCode, const char*>, 17> kNames{{
    {ErrorCode::kConfigInvalid, "ConfigInvalid"},
    {ErrorCode::kPayloadInvalid, "PayloadInvalid"},
    {ErrorCode::kQueueFull, "QueueFull"},
    {ErrorCode::kWaitTimeout, "WaitTimeout"},
    {ErrorCode::kClosed, "Closed"},
    {ErrorCode::kSchemaMismatch, "SchemaMismatch"},
    {ErrorCode::kStoreUnavailable, "StoreUnavailable"},
    {ErrorCode::kStoreRejected, "StoreRejected"},
    {ErrorCode::kStoreFull, "StoreFull"},
    {ErrorCode::kStoreInDoubt, "StoreInDoubt"},
    {ErrorCode::kLeaseLost, "LeaseLost"},
    {ErrorCode::kNotFound, "NotFound"},
    {ErrorCode::kDuplicate, "Duplicate"},
    {ErrorCode::kDedupConflict, "DedupConflict"},
    {ErrorCode::kRolledBack, "RolledBack"},
    {ErrorCode::kUnsupported, "Unsupported"},
    {ErrorCode::kInternal, "Internal"},
}};

// Leaked on purpose: exceptions may be raised until the interpreter is gone.
std::array<PyObject*, kNames.size()> classes{};

void set_errors(const py::dict& given) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (!given.contains(kNames[i].second))
      throw py::key_error(std::string("no class for the error ") + kNames[i].second);
    classes[i] = py::object(given[kNames[i].second]).release().ptr();
  }
}

PyObject* class_of(ErrorCode code) {
  for (std::size_t i = 0; i < kNames.size(); ++i)
    if (kNames[i].first == code && classes[i] != nullptr) return classes[i];
  return PyExc_RuntimeError;
}

}  // namespace

py::object to_exception(const Error& error) {
  return py::reinterpret_borrow<py::object>(class_of(error.code()))(error.what());
}

void bind_errors(py::module_& module) {
  module.def("set_errors", &set_errors, py::arg("classes"));
  py::register_local_exception_translator([](std::exception_ptr pointer) {
    try {
      if (pointer) std::rethrow_exception(pointer);
    } catch (const Error& error) {
      PyErr_SetString(class_of(error.code()), error.what());
    }
  });
}

}  // namespace msgq::bindings
