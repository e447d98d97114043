// Python bytes to owned bytes and back, and the plain shapes that cross.
#include <algorithm>

#include "bind.h"

namespace msgq::bindings {

void refuse_kind(py::handle object, const char* what) {
  throw Error(ErrorCode::kPayloadInvalid,
              std::string(what) + " must be bytes, not " + Py_TYPE(object.ptr())->tp_name);
}

py::bytes history_json(std::string_view lines) {
  if (lines.empty()) return py::bytes();
  std::string out(lines);
  std::replace(out.begin(), out.end(), '\n', ',');
  return "[" + out + "]";
}

std::vector<Decision> to_decisions(const py::sequence& list) {
  std::vector<Decision> out;
  out.reserve(list.size());
  for (const auto item : list) {
    Decision decision;
    if (PyLong_CheckExact(item.ptr())) {
      decision.index = item.cast<std::uint32_t>();
      out.push_back(std::move(decision));
      continue;
    }
    const auto fields = py::cast<py::tuple>(item);
    decision.index = fields[0].cast<std::uint32_t>();
    const auto verdict = fields[1].cast<unsigned>();
    if (verdict > static_cast<unsigned>(Verdict::kLeave))
      throw Error(ErrorCode::kInternal, "no such verdict: " + std::to_string(verdict));
    decision.verdict = static_cast<Verdict>(verdict);
    decision.delay_ms = fields[2].cast<std::int64_t>();
    decision.reason = fields[3].cast<std::string>();
    decision.record = std::string(view_bytes(fields[4], "the attempt record"));
    std::replace(decision.record.begin(), decision.record.end(), '\n', ' ');
    out.push_back(std::move(decision));
  }
  return out;
}

std::vector<MessageId> to_ids(const py::sequence& list) {
  std::vector<MessageId> out;
  for (const auto item : list)
    out.push_back(MessageId::from_bytes(view_bytes(item, "a message id")));
  return out;
}

py::tuple to_found(const FoundMessage& f) {
  const StoredMessage& m = f.message;
  return py::make_tuple(f.queue, f.state, py::bytes(m.id.to_bytes()), m.type,
                        static_cast<int>(m.content), py::bytes(m.headers), py::bytes(m.body),
                        m.counts.deliveries, m.counts.failures, m.counts.crashes,
                        history_json(m.history), m.enqueued_ms, f.due_ms, f.reason, f.changed_ms,
                        f.cursor, m.priority, m.expires_ms, m.key, py::bytes(m.once));
}

namespace {

py::list to_list(const Histogram& histogram) {
  py::list out;
  for (const auto bucket : histogram) out.append(bucket);
  return out;
}

py::dict to_dict(const QueueTraffic& t) {
  py::dict out;
  out["queue"] = t.queue;
  out["enqueued"] = t.enqueued;
  out["persisted"] = t.persisted;
  out["failed"] = t.failed;
  out["dropped"] = t.dropped;
  out["duplicates"] = t.duplicates;
  out["claimed"] = t.claimed;
  out["done"] = t.done;
  out["retried"] = t.retried;
  out["snoozed"] = t.snoozed;
  out["dead"] = t.dead;
  out["expired"] = t.expired;
  out["lost"] = t.lost;
  out["in_flight"] = t.in_flight;
  out["held"] = t.held;
  out["enqueue_ns"] = to_list(t.enqueue_ns);
  out["handle_ns"] = to_list(t.handle_ns);
  out["age_ns"] = to_list(t.age_ns);
  return out;
}

py::dict to_dict(const QueueDepth& d) {
  py::dict out;
  out["queue"] = d.queue;
  out["source"] = d.source;
  out["sent"] = d.sent;
  out["waiting"] = d.waiting;
  out["parked"] = d.parked;
  out["leased"] = d.leased;
  out["done"] = d.done;
  out["dead"] = d.dead;
  out["purged"] = d.purged;
  out["quarantined"] = d.quarantined;
  out["expired"] = d.expired;
  out["cancelled"] = d.cancelled;
  out["is_paused"] = d.is_paused;
  out["oldest_ms"] = d.oldest_ms;
  return out;
}

py::dict to_dict(const ConnectionFigures& c) {
  py::dict out;
  out["size"] = c.size;
  out["used"] = c.used;
  out["idle"] = c.idle;
  out["waiting"] = c.waiting;
  out["borrows"] = c.borrows;
  out["borrow_ns"] = c.borrow_ns;
  out["borrow_ns_max"] = c.borrow_ns_max;
  out["connects"] = c.connects;
  out["reconnects"] = c.reconnects;
  return out;
}

}  // namespace

py::list to_list(const std::vector<QueueDepth>& depth) {
  py::list out;
  for (const auto& item : depth) out.append(to_dict(item));
  return out;
}

py::dict to_dict(const Snapshot& s) {
  py::dict out;
  py::list traffic;
  for (const auto& item : s.traffic) traffic.append(to_dict(item));
  out["traffic"] = traffic;
  out["depth"] = to_list(s.depth);
  out["flushes"] = s.flushes;
  out["flush_errors"] = s.flush_errors;
  out["blocks"] = s.blocks;
  out["bytes_in_flight"] = s.bytes_in_flight;
  out["store_bytes"] = s.store_bytes;
  out["connections"] = to_dict(s.connections);
  out["store_waiting_ns"] = s.store_waiting_ns;
  out["reclaimed"] = s.reclaimed;
  out["replica_lag_ms"] = s.replica_lag_ms ? py::object(py::int_(*s.replica_lag_ms)) : py::none();
  out["threads"] = s.threads;
  out["flush_ns"] = to_list(s.flush_ns);
  return out;
}

}  // namespace msgq::bindings
