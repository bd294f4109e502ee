#include "bindings/watched.hpp"

#include <stdexcept>

namespace py = pybind11;

namespace ranvier {
namespace {

constexpr std::size_t kMostMetrics = 64;  // Python's `Steps` knows it, too

// Attributes of Python's objects, interned as its own are.
struct Names {
    static py::str interned(const char* name) {
        return py::reinterpret_steal<py::str>(PyUnicode_InternFromString(name));
    }
    const py::str count = interned("count"), iterations = interned("_iterations"),
                  loss = interned("loss"), model = interned("model"), named = interned("_named"),
                  optimizer = interned("optimizer"), own_rate = interned("_learning_rate"),
                  rate = interned("learning_rate"), start = interned("start"),
                  stop = interned("stop_training"), total = interned("total"),
                  trainer = interned("_trainer");
};
const Names& names() {
    // never destroyed: at the interpreter's end there is nobody to give the names back to
    static const Names* const all = new Names;
    return *all;
}

// What pybind11's accessors do, in a tenth of the instructions.
void check(int failed) {
    if (failed != 0) throw py::error_already_set();
}
py::object get(const py::object& o, const py::str& name) {
    PyObject* value = PyObject_GetAttr(o.ptr(), name.ptr());
    check(value == nullptr);
    return py::reinterpret_steal<py::object>(value);
}
void set(const py::object& o, const py::str& name, const py::object& value) {
    check(PyObject_SetAttr(o.ptr(), name.ptr(), value.ptr()));
}
void put(const py::dict& d, const py::object& key, const py::object& value) {
    check(PyDict_SetItem(d.ptr(), key.ptr(), value.ptr()));
}
void tell(const py::handle& callback, const py::object& number, const py::object& logs) {
    PyObject* const arguments[] = {number.ptr(), logs.ptr()};
    PyObject* given = PyObject_Vectorcall(callback.ptr(), arguments, 2, nullptr);
    check(given == nullptr);
    Py_DECREF(given);
}
index_t whole(const py::object& value) {
    const long long given = PyLong_AsLongLong(value.ptr());
    check(given == -1 && PyErr_Occurred() != nullptr);
    return given;
}
double number(const py::object& value) {
    const double given = PyFloat_AsDouble(value.ptr());
    check(given == -1.0 && PyErr_Occurred() != nullptr);
    return given;
}
bool holds(const py::object& condition) {
    const int truth = PyObject_IsTrue(condition.ptr());
    check(truth < 0);
    return truth != 0;
}

}  // namespace

index_t Watched::watched(const Feed& feed, const py::object& run, const py::object& machine,
                         const py::list& ends, index_t step_number, index_t steps) {
    const Names& name = names();
    const py::object model = get(run, name.model), own = get(machine, name.trainer);
    const py::object optimizer = get(machine, name.optimizer);
    const py::list metrics = get(machine, name.named);
    index_t start = whole(get(run, name.start));
    while (step_number < steps) {
        py::object rate = get(optimizer, name.own_rate);
        if (!PyFloat_Check(rate.ptr())) rate = get(optimizer, name.rate);
        const index_t iteration = whole(get(optimizer, name.iterations));
        step(feed, start, number(rate), iteration);
        set(optimizer, name.iterations, py::int_(iteration + 1));
        start += feed.batch;
        if (start >= feed.rows) start = 0;
        set(run, name.start, py::int_(start));
        const py::int_ which(step_number++);
        const py::dict after = logs(metrics);
        for (const py::handle& end : ends) tell(end, which, after);
        if (PyErr_CheckSignals() != 0) throw py::error_already_set();
        if (start == 0 || holds(get(model, name.stop)) || !get(machine, name.trainer).is(own))
            break;
    }
    return step_number;
}

// Means by name; each metric, too, gets what has been counted for it.
py::dict Watched::logs(const py::list& metrics) {
    const std::size_t n = metrics.size();
    double now[2 * kMostMetrics + 2];  // setting a metric's attributes may run anything
    if (n > kMostMetrics || totals_now(now, n) != n)
        throw std::invalid_argument("a pair of name and metric for each metric is wanted");
    const auto mean = [](const double* of) { return py::float_(of[1] != 0 ? of[0] / of[1] : 0.0); };
    const Names& name = names();
    py::dict logs;
    put(logs, name.loss, mean(now));
    for (std::size_t i = 0; i < n; ++i) {
        const py::tuple pair = metrics[i];
        const double* of = now + 2 * i + 2;
        const auto key = pair[0].cast<py::object>(), metric = pair[1].cast<py::object>();
        set(metric, name.total, py::float_(of[0]));
        set(metric, name.count, py::float_(of[1]));
        put(logs, key, mean(of));
    }
    return logs;
}

}  // namespace ranvier
