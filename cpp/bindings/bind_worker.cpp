// The worker's side: lots go up in bulk, decisions come down in bulk; one crossing a lot each way.
#include <pybind11/stl.h>

#include "bind.h"
#include "gil.h"

namespace msgq::bindings {
namespace {

// Objects are built in bulk while the GIL is held; no other Python code runs in between.
py::list bodies_of(const Lot& lot) {
  const auto bodies = lot.bodies();
  py::list out(bodies.size());
  Py_ssize_t i = 0;
  for (const auto body : bodies) {
    PyObject* bytes = PyBytes_FromStringAndSize(body.data(), static_cast<Py_ssize_t>(body.size()));
    if (bytes == nullptr) throw py::error_already_set();
    PyList_SET_ITEM(out.ptr(), i++, bytes);
  }
  return out;
}

py::str to_str(std::string_view text) { return {text.data(), text.size()}; }

py::bytes to_bytes(std::string_view bytes) { return {bytes.data(), bytes.size()}; }

py::tuple fields_of(const Lot& lot, std::uint32_t index) {
  if (index >= lot.size()) throw py::index_error("the lot has fewer messages");
  const auto delivery = lot.view(index);
  const auto& m = delivery.message;
  return py::make_tuple(to_bytes(m.id.to_bytes()), to_str(m.type), static_cast<int>(m.content),
                        to_bytes(m.headers), to_bytes(m.body), delivery.attempt, m.counts.failures,
                        m.counts.crashes, history_json(m.history), m.enqueued_ms, delivery.gen,
                        m.priority, m.expires_ms, m.key);
}

QueueOrder to_order(const std::string& text) {
  if (text == "strict") return QueueOrder::kStrict;
  if (text == "weighted") return QueueOrder::kWeighted;
  if (text == "fair") return QueueOrder::kFair;
  throw Error(ErrorCode::kConfigInvalid,
              "queue order is '" + text + "', allowed are strict, weighted, fair");
}

Engine::WorkerPtr open_worker(Engine& engine, const py::sequence& channels,
                              const std::string& order, const py::dict& weights,
                              std::uint32_t slots) {
  WorkerSpec spec;
  for (const auto item : channels) {
    const auto f = py::cast<py::tuple>(item);
    spec.channels.push_back({f[0].cast<std::string>(), f[1].cast<std::string>(),
                             f[2].cast<std::uint32_t>(), f[3].cast<std::uint32_t>(),
                             to_nanos(f[4].cast<double>()), f[5].cast<bool>()});
  }
  spec.order = to_order(order);
  for (const auto& [queue, weight] : weights)
    spec.weights.emplace_back(queue.cast<std::string>(), weight.cast<std::uint32_t>());
  spec.slots = slots;
  return engine.open_worker(std::move(spec));
}

LotPtr take(Engine& engine, const Engine::WorkerPtr& worker, double timeout, bool is_async) {
  if (timeout <= 0) return engine.take(worker, Nanos::zero(), is_async);
  return sliced_wait(
      to_nanos(timeout), [&](Nanos slice) { return engine.take(worker, slice, is_async); },
      [&] { return engine.is_stopped(worker); });
}

py::tuple begin_ack(Engine& engine, const LotPtr& lot, std::uint32_t index) {
  if (index >= lot->size()) throw py::index_error("the lot has fewer messages");
  const auto name = [&] {
    const GilReleased released;
    return engine.begin_ack(lot, index);
  }();
  return py::make_tuple(name.subscription, name.lane, name.gen, name.owner, name.ordinal);
}

std::vector<int> bar(Engine& engine, const LotPtr& lot, const std::vector<std::uint32_t>& indexes) {
  const GilReleased released;
  std::vector<int> out;
  for (const AckFate fate : engine.bar(lot, indexes)) out.push_back(static_cast<int>(fate));
  return out;
}

std::chrono::milliseconds to_millis(double seconds) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(to_nanos(seconds));
}

LotPtr claim(Engine& engine, const std::string& queue, std::uint32_t count, double wait,
             double lease) {
  const auto begun = engine.begin_claim(queue, count, to_nanos(wait), to_millis(lease));
  return sliced_wait(
      kForever, [&](Nanos slice) { return begun->take(slice); }, [&] { return begun->is_over(); });
}

}  // namespace

void bind_worker(py::module_& module) {
  [[maybe_unused]] const py::class_<Engine::Worker, Engine::WorkerPtr> workers(module, "Worker");
  LotClass lots(module, "Lot");
  lots.def("__len__", &Lot::size)
      .def_property_readonly("queue", &Lot::queue)
      .def_property_readonly("channel", &Lot::channel)
      .def_property_readonly("type",
                             [](const Lot& lot) { return to_str(lot.view(0).message.type); })
      .def_property_readonly(
          "content", [](const Lot& lot) { return static_cast<int>(lot.view(0).message.content); })
      .def_property_readonly("is_uniform", &Lot::is_uniform)
      .def_property_readonly("is_lost", &Lot::is_lost)
      .def("end_acks", &Lot::end_acks, py::arg("first"), py::arg("end"),
           py::call_guard<GilReleased>())
      .def("reopen_acks", &Lot::reopen_acks, py::arg("index"), py::call_guard<GilReleased>())
      .def_property_readonly("has_followers", &Lot::has_followers)
      .def("hold_up", &Lot::hold_up, py::arg("index"))
      .def("bodies", &bodies_of)
      .def("fields", &fields_of, py::arg("index"));
  bind_run(module, lots);
}

void bind_working(EngineClass& engine) {
  using py::arg;
  using Released = py::call_guard<GilReleased>;
  // settle, settle_some, give_back: one lock-free push each, so the GIL is kept.
  const auto settle = [](Engine& e, const LotPtr& lot, const py::sequence& decisions) {
    e.settle(lot, to_decisions(decisions));
  };
  const auto settle_some = [](Engine& e, const LotPtr& lot, const py::sequence& decisions,
                              bool again) { e.settle_some(lot, to_decisions(decisions), again); };
  const auto settle_now = [](Engine& e, const LotPtr& lot, const py::sequence& decisions) {
    return e.settle_now(lot, to_decisions(decisions));
  };
  const auto extend = [](Engine& e, const LotPtr& lot, double lease) {
    return e.extend(lot, to_millis(lease));
  };
  engine
      .def("open_worker", &open_worker, arg("channels"), arg("order"), arg("weights"), arg("slots"))
      .def("take", &take, arg("worker"), arg("timeout"), arg("is_async") = false)
      .def("watch", &Engine::watch, arg("worker"), arg("waker"))
      .def("settle", settle, arg("lot"), arg("decisions"))
      .def("settle_some", settle_some, arg("lot"), arg("decisions"), arg("again") = false)
      .def("stop_worker", &Engine::stop_worker, arg("worker"), Released())
      .def("give_back", &Engine::give_back, arg("lot"))
      .def("claim", &claim, arg("queue"), arg("count"), arg("wait"), arg("lease"))
      .def("settle_now", settle_now, arg("lot"), arg("decisions"))
      .def("begin_ack", &begin_ack, arg("lot"), arg("index"))
      .def("await_ack", &Engine::await_ack, arg("lot"), arg("index"))
      .def("bar", &bar, arg("lot"), arg("indexes"))
      .def("extend", extend, arg("lot"), arg("lease"));
}

}  // namespace msgq::bindings
