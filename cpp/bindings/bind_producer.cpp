// The producer's side: receipts, wakers, and the enqueue calls. Bytes are copied once, here, while
// the GIL is held; the GIL is released only where there is no room or an answer is waited for.
#include <pybind11/stl.h>

#include <array>
#include <numeric>
#include <unordered_map>

#include "bind.h"
#include "gil.h"

namespace msgq::bindings {
namespace {

// So long a call works on its own message before it waits with an ear for signals.
constexpr Nanos kWorkMax = std::chrono::milliseconds(20);

// What every message of an enqueue call has in common.
struct Form {
  std::string queue;
  std::string type;
  int content = 0;
  std::int64_t due_ms = 0;
  std::uint8_t priority = kPriorityNormal;
  std::int64_t expires_ms = 0;
  int on_duplicate = 0;

  Parcel parcel(std::string_view key) const& { return Form(*this).parcel(key); }
  Parcel parcel(std::string_view key) && {
    return {std::move(queue),
            std::move(type),
            static_cast<Content>(content),
            {},
            due_ms,
            {},
            {},
            priority,
            expires_ms,
            band_of(priority, key),
            false,
            false,
            static_cast<Parcel::OnDuplicate>(on_duplicate)};
  }
};

[[noreturn]] void refuse_size(const Config& config, std::size_t size, Py_ssize_t index) {
  throw Error(ErrorCode::kPayloadInvalid,
              "message " + std::to_string(index) + " has " + std::to_string(size) +
                  " bytes, at most " + std::to_string(config.message_bytes_max) +
                  " are allowed (message_bytes_max); nothing was enqueued");
}

void check_size(const Config& config, std::size_t size, Py_ssize_t index) {
  if (size > config.message_bytes_max) refuse_size(config, size, index);
}

// A tuple of what is in a sequence: a list may be changed by another thread while we wait for room.
py::object frozen_sequence(const py::object& object) {
  PyObject* frozen = PySequence_Tuple(object.ptr());
  if (frozen == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(frozen);
}

// The headers that go with each message of a call.
class Headers {
 public:
  Headers(const py::object& all, const py::object& each, Py_ssize_t count) {
    if (!all.is_none()) all_ = view_bytes(all, "headers");
    if (each.is_none()) return;
    each_ = frozen_sequence(each);
    if (PyTuple_GET_SIZE(each_.ptr()) != count)
      throw Error(ErrorCode::kPayloadInvalid, "headers_each must have one entry a message");
  }
  std::string_view at(Py_ssize_t index) const {
    if (!each_) return all_;
    PyObject* own = PyTuple_GET_ITEM(each_.ptr(), index);
    return own == Py_None ? all_ : view_bytes(own, "headers");
  }

 private:
  std::string_view all_;
  py::object each_;
};

// What goes with the messages of a call, keys or what they carry as Once: text or bytes for all, or
// one for each; empty is none.
class Marks {
 public:
  Marks(const py::object& given, Py_ssize_t count, const char* what) : what_(what) {
    if (given.is_none()) return;
    if (PyUnicode_Check(given.ptr()) || PyBytes_Check(given.ptr())) {
      all_ = view(given);
      return;
    }
    each_ = frozen_sequence(given);
    if (PyTuple_GET_SIZE(each_.ptr()) != count)
      throw Error(ErrorCode::kPayloadInvalid, std::string(what) + " must have one entry a message");
  }
  std::string_view at(Py_ssize_t index) const {
    return each_ ? view(PyTuple_GET_ITEM(each_.ptr(), index)) : all_;
  }
  bool is_one() const { return !each_; }

 private:
  std::string_view view(py::handle mark) const {
    if (!PyUnicode_Check(mark.ptr())) return view_bytes(mark, what_);
    Py_ssize_t size = 0;
    const char* bytes = PyUnicode_AsUTF8AndSize(mark.ptr(), &size);
    if (bytes == nullptr) throw py::error_already_set();
    return {bytes, static_cast<std::size_t>(size)};
  }

  const char* const what_;
  std::string_view all_;
  py::object each_;
};

// The places of a call's messages by band, those of each in order: with keys at random nearly each
// message would be a parcel of its own otherwise. `ends`: where those of each band end. Behind
// them, again by band, come those whose dedup id an earlier message of the call has that would be
// sent later: it is to be the one that is stored.
struct ByBand {
  ByBand(const Marks& keys, const Marks& onces, Py_ssize_t count, std::uint8_t priority) {
    std::vector<std::size_t> groups;
    std::array<std::size_t, 513> starts{};
    std::unordered_map<std::string_view, std::size_t> firsts;  // by dedup id
    for (Py_ssize_t i = 0; i < count; ++i) {
      std::size_t group = band_of(priority, keys.at(i));
      if (const auto once = onces.at(i); !once.empty())
        if (firsts.try_emplace(once, group).first->second > group) group += 256;
      groups.push_back(group);
      ++starts[group + 1];
    }
    std::partial_sum(starts.begin(), starts.end(), starts.begin());
    for (std::size_t group = 0; group < 512; ++group)
      if (starts[group + 1] > starts[group]) ends.push_back(starts[group + 1]);
    order.resize(groups.size());
    for (std::size_t i = 0; i < groups.size(); ++i) order[starts[groups[i]]++] = i;
  }
  std::vector<std::size_t> order, ends;
};

// Cuts a list of bodies into parcels within the engine's bounds of a block, each of one band. Every
// body, its headers and its key are checked before the first parcel is made, so that a bad one
// leaves nothing half-enqueued. Their order is that of ByBand.
class Cutter {
 public:
  Cutter(const Config& config, Form form, const py::object& bodies, const py::object& headers,
         const py::object& headers_each, const py::object& keys, const py::object& onces)
      : config_(config),
        form_(std::move(form)),
        list_(frozen_sequence(bodies)),
        count_(PyTuple_GET_SIZE(list_.ptr())),
        headers_(headers, headers_each, count_),
        keys_(keys, count_, "keys"),
        onces_(onces, count_, "onces") {
    for (Py_ssize_t i = 0; i < count_; ++i) {
      check_size(config_, view_bytes(item(i), "a body").size(), i);
      static_cast<void>(headers_.at(i));
      static_cast<void>(keys_.at(i));
      static_cast<void>(onces_.at(i));
    }
    if (!keys_.is_one()) order_ = ByBand(keys_, onces_, count_, form_.priority).order;
  }
  bool has_more() const { return next_ < count_; }
  Parcel next() {
    Py_ssize_t end = next_;
    std::uint64_t bytes = 0;
    Parcel parcel = form_.parcel(keys_.at(place(next_)));
    while (end < count_ && end - next_ < static_cast<Py_ssize_t>(config_.batch_count_max)) {
      const Py_ssize_t i = place(end);
      const std::uint64_t size =
          static_cast<std::uint64_t>(PyBytes_GET_SIZE(item(i))) + headers_.at(i).size();
      if (end > next_ && bytes + size > config_.batch_bytes_max) break;
      if (!keys_.is_one() && band_of(form_.priority, keys_.at(i)) != parcel.band) break;
      bytes += size;
      ++end;
    }
    const auto count = static_cast<std::size_t>(end - next_);
    parcel.reserve(count, bytes);
    for (; next_ < end; ++next_) {
      const Py_ssize_t i = place(next_);
      parcel.add(view_bytes(item(i), "a body"), headers_.at(i), keys_.at(i), onces_.at(i));
    }
    return parcel;
  }

 private:
  PyObject* item(Py_ssize_t index) const { return PyTuple_GET_ITEM(list_.ptr(), index); }
  Py_ssize_t place(Py_ssize_t index) const {
    return order_.empty() ? index
                          : static_cast<Py_ssize_t>(order_[static_cast<std::size_t>(index)]);
  }

  const Config& config_;
  const Form form_;
  const py::object list_;
  const Py_ssize_t count_;
  const Headers headers_;
  const Marks keys_, onces_;
  std::vector<std::size_t> order_;  // empty: as they came
  Py_ssize_t next_ = 0;
};

// Admits a parcel; where there is no room, waits without the GIL and with an ear for signals.
ReceiptPtr admit(Engine& engine, Parcel parcel) {
  ReceiptPtr receipt = engine.try_enqueue(parcel);
  if (receipt) return receipt;
  receipt = sliced_wait(engine.config().overflow_wait, [&](Nanos slice) {
    engine.wait_room(parcel, slice);
    return engine.try_enqueue(parcel);
  });
  return receipt ? receipt : engine.enqueue(std::move(parcel), Nanos::zero());
}

bool wait_receipt(const Receipt& receipt, const py::object& timeout) {
  if (receipt.is_done()) return true;
  const Nanos most = to_nanos(timeout.is_none() ? 1e18 : timeout.cast<double>());
  return sliced_wait(most, [&](Nanos slice) { return receipt.wait(slice); });
}

Parcel single(Engine& engine, Form form, const py::object& body, const py::object& headers,
              std::string_view key, std::string_view once = {}) {
  Parcel parcel = std::move(form).parcel(key);
  const auto bytes = view_bytes(body, "the body");
  check_size(engine.config(), bytes.size(), 0);
  const auto head = headers.is_none() ? std::string_view() : view_bytes(headers, "headers");
  parcel.reserve(1, bytes.size() + head.size() + key.size() + once.size());
  parcel.add(bytes, head, key, once);
  return parcel;
}

// One parameter for each of Python's.
// NOLINTNEXTLINE(readability-function-size)
ReceiptPtr enqueue(Engine& engine, std::string queue, std::string type, int content,
                   const py::object& body, const py::object& headers, std::int64_t due_ms,
                   std::uint8_t priority, std::int64_t expires_ms, std::string_view key,
                   const py::bytes& once, int on_duplicate) {
  Form form{std::move(queue), std::move(type), content, due_ms, priority, expires_ms, on_duplicate};
  return admit(engine, single(engine, std::move(form), body, headers, key, std::string_view(once)));
}

// The 16 bytes of the id and one of status, made in place.
py::bytes told(const MessageId& id, ReceiptStatus status) {
  char out[17];
  id.write(out);
  out[16] = static_cast<char>(status);
  return {out, sizeof out};
}

py::bytes put(Engine& engine, Parcel parcel) {
  if (const auto id = engine.try_put(parcel)) return told(*id, ReceiptStatus::kPersisted);
  ReceiptPtr receipt = engine.try_enqueue(parcel, true);
  if (receipt) {
    const GilReleased released;  // once for both: others want it
    engine.work(*receipt, kWorkMax);
    receipt->wait(kSlice);
  } else {
    receipt = admit(engine, std::move(parcel));
  }
  wait_receipt(*receipt, py::none());
  if (receipt->error()) throw Error(*receipt->error());
  return told(receipt->id(0), receipt->status());
}

// One parameter for each of Python's.
// NOLINTNEXTLINE(readability-function-size)
py::bytes enqueue_wait(Engine& engine, std::string queue, std::string type, int content,
                       const py::object& body, const py::object& headers, std::int64_t due_ms,
                       std::uint8_t priority, std::int64_t expires_ms, std::string_view key,
                       const py::bytes& once, int on_duplicate) {
  Form form{std::move(queue), std::move(type), content, due_ms, priority, expires_ms, on_duplicate};
  return put(engine, single(engine, std::move(form), body, headers, key, std::string_view(once)));
}

// One queue's, one type's enqueue_wait: nothing but the body crosses.
py::cpp_function putter(const std::shared_ptr<Engine>& engine, std::string queue, std::string type,
                        int content) {
  return py::cpp_function(
      [engine, form = Form{std::move(queue), std::move(type), content}](const py::object& body) {
        return put(*engine, single(*engine, form, body, py::none(), {}));
      });
}

// Of messages that were refused behind others of their call that are already on their way.
ReceiptPtr failed_receipt(std::uint32_t count, const Error& error) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  auto receipt = std::make_shared<Receipt>(draw_ids(count, ms), count);
  receipt->resolve(ReceiptStatus::kFailed, error);
  return receipt;
}

// One parameter for each of Python's.
// NOLINTNEXTLINE(readability-function-size)
py::list enqueue_many(Engine& engine, std::string queue, std::string type, int content,
                      const py::object& bodies, const py::object& headers, std::int64_t due_ms,
                      const py::object& headers_each, std::uint8_t priority,
                      std::int64_t expires_ms, const py::object& keys, const py::object& onces,
                      int on_duplicate) {
  Cutter cutter(
      engine.config(),
      {std::move(queue), std::move(type), content, due_ms, priority, expires_ms, on_duplicate},
      bodies, headers, headers_each, keys, onces);
  py::list receipts;
  std::optional<Error> error;
  while (cutter.has_more()) {
    Parcel parcel = cutter.next();
    const std::uint32_t count = parcel.count();
    try {
      if (!error) {
        receipts.append(admit(engine, std::move(parcel)));
        continue;
      }
    } catch (const Error& refused) {
      if (receipts.empty()) throw;  // nothing was enqueued
      error = refused;
    }
    receipts.append(failed_receipt(count, *error));
  }
  return receipts;
}

// One parameter for each of Python's.
// NOLINTNEXTLINE(readability-function-size)
py::list keep(Engine& engine, std::string queue, std::string type, int content,
              const py::object& bodies, const py::object& headers, std::int64_t due_ms,
              const py::object& headers_each, std::uint8_t priority, std::int64_t expires_ms,
              const py::object& keys, const py::object& onces, int on_duplicate) {
  Cutter cutter(
      engine.config(),
      {std::move(queue), std::move(type), content, due_ms, priority, expires_ms, on_duplicate},
      bodies, headers, headers_each, keys, onces);
  py::list kept;
  while (cutter.has_more()) kept.append(engine.keep(cutter.next()));
  return kept;
}

// Waits for room without the GIL and with an ear for signals.
ReceiptPtr commit(Engine& engine, const py::sequence& parts, std::vector<KeptPtr> kept, double wait,
                  bool is_patient) {
  std::vector<Engine::Part> decided;
  for (const auto item : parts) {
    const auto part = py::cast<py::tuple>(item);
    decided.push_back({part[0].cast<LotPtr>(), to_decisions(part[1].cast<py::sequence>())});
  }
  std::optional<Error> full;
  const auto try_it = [&](Nanos slice) -> ReceiptPtr {
    try {
      return engine.commit(decided, kept, slice, is_patient);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kQueueFull) throw;
      full = error;
      return nullptr;
    }
  };
  ReceiptPtr receipt = try_it(Nanos::zero());
  if (!receipt && wait > 0) receipt = sliced_wait(to_nanos(wait), try_it);
  if (!receipt) throw Error(*full);
  return receipt;
}

// One parameter for each of Python's.
// NOLINTNEXTLINE(readability-function-size)
py::object try_enqueue(Engine& engine, std::string queue, std::string type, int content,
                       const py::object& bodies, const py::object& headers, std::int64_t due_ms,
                       const py::object& headers_each, std::uint8_t priority,
                       std::int64_t expires_ms, const py::object& keys, const py::object& onces,
                       int on_duplicate, bool is_loose) {
  Cutter cutter(
      engine.config(),
      {std::move(queue), std::move(type), content, due_ms, priority, expires_ms, on_duplicate},
      bodies, headers, headers_each, keys, onces);
  Parcel parcel = cutter.next();
  parcel.is_loose = is_loose;
  if (cutter.has_more())
    throw Error(ErrorCode::kPayloadInvalid,
                "more messages, bytes or shards of keys than one parcel holds");
  const ReceiptPtr receipt = engine.try_enqueue(parcel);
  return receipt ? py::cast(receipt) : py::none();
}

// In which order enqueue_many sends messages with these keys, and where parcels end at least.
py::tuple by_shard(const py::sequence& keys, const py::object& onces) {
  const Py_ssize_t count = PySequence_Size(keys.ptr());
  const ByBand found(Marks(keys, count, "keys"), Marks(onces, count, "onces"), count,
                     kPriorityNormal);
  return py::make_tuple(found.order, found.ends);
}

bool all_bytes(const py::list& list) {
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list.ptr()); ++i)
    if (!PyBytes_CheckExact(PyList_GET_ITEM(list.ptr(), i))) return false;
  return true;
}

py::list drain(Waker& waker) {
  py::list out;
  for (const auto token : waker.drain()) out.append(token);
  return out;
}

py::bytes id_of(const Receipt& receipt, std::uint32_t index) {
  if (index >= receipt.count()) throw py::index_error("the receipt has fewer messages");
  return receipt.id(index).to_bytes();
}

std::size_t count_duplicates(const Receipt& receipt) {
  return receipt.is_done() ? receipt.duplicates().size() : 0;
}

int status_of(const Receipt& receipt, std::uint32_t index) {
  return static_cast<int>(receipt.status(index));
}

py::object error_of(const Receipt& receipt) {
  if (!receipt.is_done() || !receipt.error()) return py::none();
  return to_exception(*receipt.error());
}

}  // namespace

void bind_producer(py::module_& module) {
  py::class_<Waker, std::shared_ptr<Waker>>(module, "Waker")
      .def(py::init<>())
      .def("fileno", &Waker::descriptor)
      .def("drain", &drain);
  py::class_<Receipt, std::shared_ptr<Receipt>>(module, "Receipt")
      .def_property_readonly("count", &Receipt::count)
      .def_property_readonly("status",
                             [](const Receipt& r) { return static_cast<int>(r.status()); })
      .def("id", &id_of, py::arg("index") = 0)
      .def_property_readonly("duplicates", &count_duplicates)
      .def("status_of", &status_of, py::arg("index"))
      .def("wait", &wait_receipt, py::arg("timeout"))
      .def("error", &error_of)
      .def_property_readonly("end", &Receipt::end)
      .def_property_readonly("rest", [](const Receipt& r) { return r.rest(); })
      .def("notify", &Receipt::notify, py::arg("waker"), py::arg("token"));
  py::class_<Kept, KeptPtr>(module, "Kept")
      .def_property_readonly("receipt", &Kept::receipt)
      .def(
          "drop",
          [](Kept& kept, const std::string& why) { kept.drop(Error(ErrorCode::kRolledBack, why)); },
          py::arg("why"));
  module.def("by_shard", &by_shard, py::arg("keys"), py::arg("onces") = py::none());
  module.def("all_bytes", &all_bytes, py::arg("items"));
}

void bind_producing(EngineClass& engine) {
  using py::arg;
  const py::none none;
  engine
      .def("enqueue", &enqueue, arg("queue"), arg("type"), arg("content"), arg("body"),
           arg("headers") = none, arg("due_ms") = 0, arg("priority") = kPriorityNormal,
           arg("expires_ms") = 0, arg("key") = "", arg("once") = py::bytes(),
           arg("on_duplicate") = 0)
      .def("enqueue_wait", &enqueue_wait, arg("queue"), arg("type"), arg("content"), arg("body"),
           arg("headers") = none, arg("due_ms") = 0, arg("priority") = kPriorityNormal,
           arg("expires_ms") = 0, arg("key") = "", arg("once") = py::bytes(),
           arg("on_duplicate") = 0)
      .def("putter", &putter, arg("queue"), arg("type"), arg("content"))
      .def("keep", &keep, arg("queue"), arg("type"), arg("content"), arg("bodies"),
           arg("headers") = none, arg("due_ms") = 0, arg("headers_each") = none,
           arg("priority") = kPriorityNormal, arg("expires_ms") = 0, arg("keys") = none,
           arg("onces") = none, arg("on_duplicate") = 0)
      .def("commit", &commit, arg("parts"), arg("kept"), arg("wait"), arg("is_patient"))
      .def("enqueue_many", &enqueue_many, arg("queue"), arg("type"), arg("content"), arg("bodies"),
           arg("headers") = none, arg("due_ms") = 0, arg("headers_each") = none,
           arg("priority") = kPriorityNormal, arg("expires_ms") = 0, arg("keys") = none,
           arg("onces") = none, arg("on_duplicate") = 0)
      .def("try_enqueue", &try_enqueue, arg("queue"), arg("type"), arg("content"), arg("bodies"),
           arg("headers") = none, arg("due_ms") = 0, arg("headers_each") = none,
           arg("priority") = kPriorityNormal, arg("expires_ms") = 0, arg("keys") = none,
           arg("onces") = none, arg("on_duplicate") = 0, arg("is_loose") = false);
}

}  // namespace msgq::bindings
