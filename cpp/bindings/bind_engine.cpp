// The engine object: opening, looking, administering, closing. All of it waits without the GIL.
#include "bind.h"
#include "gil.h"

namespace msgq::bindings {
namespace {

using Released = GilReleased;

// Destroying joins threads, and Python may drop the last reference: it is done without the GIL.
void destroy(Engine* engine) {
  if (PyGILState_Check() == 0) {
    delete engine;
    return;
  }
  Released released;
  delete engine;
}

std::shared_ptr<Engine> open(const py::dict& options) {
  Config config = to_config(options);
  Released released;
  return {new Engine(std::move(config)), &destroy};
}

// Calls without the GIL, then makes Python objects of what came.
template <typename Call>
py::list found_list(Call call) {
  std::vector<FoundMessage> messages;
  {
    Released released;
    messages = call();
  }
  py::list out;
  for (const auto& message : messages) out.append(to_found(message));
  return out;
}

py::dict stats(Engine& engine, bool with_depth, bool is_fresh) {
  Snapshot snapshot;
  {
    Released released;
    snapshot = engine.stats(with_depth, is_fresh);
  }
  return to_dict(snapshot);
}

py::list depth(Engine& engine) {
  std::vector<QueueDepth> found;
  {
    Released released;
    found = engine.depth();
  }
  return to_list(found);
}

py::list queues(Engine& engine) {
  std::vector<std::string> names;
  {
    Released released;
    names = engine.queues();
  }
  py::list out;
  for (const auto& name : names) out.append(name);
  return out;
}

py::list peek(Engine& engine, const std::string& queue, const std::string& after,
              std::uint32_t limit) {
  return found_list([&] { return engine.peek(queue, after, limit); });
}

py::list dead(Engine& engine, const std::string& queue, const std::string& after,
              std::uint32_t limit) {
  return found_list([&] { return engine.dead(queue, after, limit); });
}

py::object find(Engine& engine, const std::string& queue, const py::bytes& id) {
  const auto wanted = MessageId::from_bytes(view_bytes(id, "a message id"));
  std::optional<FoundMessage> found;
  {
    Released released;
    found = engine.find(queue, wanted);
  }
  return found ? py::object(to_found(*found)) : py::none();
}

std::uint64_t redrive(Engine& engine, const std::string& queue, const py::sequence& list) {
  const auto ids = to_ids(list);
  Released released;
  return engine.redrive(queue, ids);
}

std::uint64_t delete_dead(Engine& engine, const std::string& queue, const py::sequence& list) {
  const auto ids = to_ids(list);
  Released released;
  return engine.delete_dead(queue, ids);
}

std::uint64_t edit_dead(Engine& engine, const std::string& queue, const py::bytes& id,
                        const py::dict& changes, bool redrives) {
  DeadEdit edit;
  edit.id = MessageId::from_bytes(std::string(id));
  edit.redrives = redrives;
  if (changes.contains("body")) edit.body = changes["body"].cast<std::string>();
  if (changes.contains("headers")) edit.headers = changes["headers"].cast<std::string>();
  Released released;
  return engine.edit_dead(queue, edit);
}

std::uint64_t cancel(Engine& engine, const std::string& queue, const py::sequence& list) {
  const auto ids = to_ids(list);
  Released released;
  return engine.cancel(queue, ids);
}

std::uint64_t reschedule(Engine& engine, const std::string& queue, const py::sequence& list,
                         std::int64_t due_ms) {
  const auto ids = to_ids(list);
  Released released;
  return engine.reschedule(queue, ids, due_ms);
}

py::dict settings(Engine& engine, const std::string& queue) {
  QueueSettings found;
  {
    Released released;
    found = engine.settings(queue);
  }
  py::dict out;
  out["is_paused"] = found.is_paused;
  out["max_length"] = found.length_max;
  out["overflow"] = static_cast<int>(found.overflow);
  out["overflow_wait_ms"] = found.overflow_wait_ms;
  out["is_topic"] = found.is_topic;
  out["retention_ms"] = found.retention_ms;
  return out;
}

template <typename T>
void read_change(const py::dict& changes, const char* name, std::optional<T>& out) {
  if (changes.contains(name)) out = changes[name].cast<T>();
}

void alter(Engine& engine, const std::string& queue, const py::dict& changes, bool creates) {
  QueueChange change;
  std::optional<int> overflow;
  read_change(changes, "is_paused", change.is_paused);
  read_change(changes, "max_length", change.length_max);
  read_change(changes, "overflow", overflow);
  read_change(changes, "overflow_wait_ms", change.overflow_wait_ms);
  read_change(changes, "is_topic", change.is_topic);
  read_change(changes, "retention_ms", change.retention_ms);
  if (overflow) change.overflow = static_cast<Overflow>(*overflow);
  change.creates = creates;
  Released released;
  engine.alter(queue, change);
}

// As Start::At has it; the time in Unix ms, the id in bytes.
Start to_start(int at, std::int64_t time_ms, const py::bytes& id) {
  Start out{static_cast<Start::At>(at), time_ms, {}};
  if (out.at == Start::At::kId) out.id = MessageId::from_bytes(view_bytes(id, "a message id"));
  return out;
}

bool subscribe(Engine& engine, const std::string& queue, const std::string& name, int at,
               std::int64_t time_ms, const py::bytes& id) {
  const Start start = to_start(at, time_ms, id);
  Released released;
  return engine.subscribe(queue, name, start);
}

std::uint64_t seek(Engine& engine, const std::string& subscription, int at, std::int64_t time_ms,
                   const py::bytes& id) {
  const Start start = to_start(at, time_ms, id);
  Released released;
  return engine.seek(subscription, start);
}

py::list drain_log(Engine& engine) {
  py::list out;
  for (const auto& [level, text] : engine.drain_log()) out.append(py::make_tuple(level, text));
  return out;
}

py::object failure(Engine& engine) {
  const auto error = engine.failure();
  return error ? to_exception(*error) : py::none();
}

bool close(Engine& engine, double timeout) {
  Released released;
  return engine.close(to_nanos(timeout));
}

}  // namespace

void bind_engine(py::module_& module) {
  EngineClass engine(module, "Engine");
  engine.def(py::init(&open), py::arg("options"));
  bind_producing(engine);
  bind_working(engine);
  bind_looking(engine);
}

void bind_looking(EngineClass& engine) {
  using py::arg;
  using Guard = py::call_guard<Released>;
  engine.def("stats", &stats, arg("with_depth") = true, arg("is_fresh") = false)
      .def("store_name", &Engine::store_name, Guard())
      .def("depth", &depth)
      .def("queues", &queues)
      .def("peek", &peek, arg("queue"), arg("after"), arg("limit"))
      .def("dead", &dead, arg("queue"), arg("after"), arg("limit"))
      .def("find", &find, arg("queue"), arg("id"))
      .def("redrive", &redrive, arg("queue"), arg("ids"))
      .def("delete_dead", &delete_dead, arg("queue"), arg("ids"))
      .def("edit_dead", &edit_dead, arg("queue"), arg("id"), arg("changes"), arg("redrives"))
      .def("cancel", &cancel, arg("queue"), arg("ids"))
      .def("reschedule", &reschedule, arg("queue"), arg("ids"), arg("due_ms"))
      .def("settings", &settings, arg("queue"))
      .def("alter", &alter, arg("queue"), arg("changes"), arg("creates") = false)
      .def("purge", &Engine::purge, arg("queue"), Guard())
      .def("subscribe", &subscribe, arg("queue"), arg("name"), arg("at"), arg("time_ms"), arg("id"))
      .def("seek", &seek, arg("subscription"), arg("at"), arg("time_ms"), arg("id"))
      .def("delete_queue", &Engine::delete_queue, arg("queue"), Guard())
      .def("rename_queue", &Engine::rename_queue, arg("queue"), arg("name"), Guard())
      .def("backup", &Engine::backup, arg("path"), Guard())
      .def("drain_log", &drain_log)
      .def("failure", &failure)
      .def("close", &close, arg("timeout"))
      .def("has_due", &Engine::has_due)
      .def_property_readonly("is_closed", &Engine::is_closed);
}

}  // namespace msgq::bindings
