// The hottest loop of msgq: calls a Python handler for each message of a lot. What is rare (an
// outcome, an exception, a wish to stop) leaves the loop; it goes on behind the message it left at.
//
// Threads: one calls go(), others ask how much is left; all hold the GIL.
#include "bind.h"

namespace msgq::bindings {
namespace {

class Run {
 public:
  // `unpack` makes a tuple of arguments of a body; None: the body is the one argument. `call` gets
  // body and index when `gives_index`, and then no unpacking is done.
  Run(LotPtr lot, py::object call, const py::object& unpack, py::list halt, py::object outcome,
      bool gives_index)
      : lot_(std::move(lot)),
        call_(std::move(call)),
        unpack_(unpack.is_none() ? py::object() : unpack),
        halt_(std::move(halt)),
        outcome_(std::move(outcome)),
        bodies_(lot_->bodies()),
        has_followers_(lot_->has_followers()),
        gives_index_(gives_index) {}

  // True: all are done. False: `halt` is not empty. Else what the handler of the message before the
  // present place returned, an outcome. Throws what the handler raised.
  py::object go() {
    while (begun_ < bodies_.size()) {
      if (PyList_GET_SIZE(halt_.ptr()) > 0) return py::bool_(false);
      if (has_followers_ && lot_->is_held_up(static_cast<std::uint32_t>(begun_))) {
        ++begun_;
        continue;
      }
      auto answer = py::reinterpret_steal<py::object>(handle(begun_++));
      if (!answer) throw py::error_already_set();
      if (!answer.is_none() && py::isinstance(answer, outcome_)) return answer;
    }
    return py::bool_(true);
  }
  std::size_t left() const { return bodies_.size() - begun_; }

 private:
  PyObject* handle(std::size_t index) const {
    const auto bytes = bodies_[index];
    const auto body = py::reinterpret_steal<py::object>(
        PyBytes_FromStringAndSize(bytes.data(), static_cast<Py_ssize_t>(bytes.size())));
    if (!body) return nullptr;
    if (gives_index_) return with(body, index);
    if (!unpack_) return PyObject_CallOneArg(call_.ptr(), body.ptr());
    const auto arguments =
        py::reinterpret_steal<py::object>(PyObject_CallOneArg(unpack_.ptr(), body.ptr()));
    if (!arguments) return nullptr;
    return PyObject_Call(call_.ptr(), arguments.ptr(), nullptr);
  }
  PyObject* with(const py::object& body, std::size_t index) const {
    const py::int_ number(index);
    PyObject* const both[] = {body.ptr(), number.ptr()};
    return PyObject_Vectorcall(call_.ptr(), both, 2, nullptr);
  }

  // fixed after construction
  const LotPtr lot_;
  const py::object call_;
  const py::object unpack_;
  const py::list halt_;
  const py::object outcome_;
  const std::vector<std::string_view> bodies_;
  const bool has_followers_;  // some are of the same key as the one before them
  const bool gives_index_;
  // guarded by the GIL
  std::size_t begun_ = 0;
};

}  // namespace

void bind_run(py::module_& module, LotClass& lot) {
  using py::arg;
  py::class_<Run>(module, "Run").def("go", &Run::go).def("__length_hint__", &Run::left);
  const auto run = [](LotPtr self, py::object call, const py::object& unpack, py::list halt,
                      py::object outcome, bool gives_index) {
    return Run(std::move(self), std::move(call), unpack, std::move(halt), std::move(outcome),
               gives_index);
  };
  lot.def("run", run, arg("call"), arg("unpack"), arg("halt"), arg("outcome"), arg("gives_index"));
}

}  // namespace msgq::bindings
