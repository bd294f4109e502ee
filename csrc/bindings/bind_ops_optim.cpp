// One optimizer step over contiguous buffers.
#include <vector>

#include "bindings/bind_ops.hpp"
#include "bindings/names.hpp"
#include "bindings/optim_args.hpp"

#include "ranvier/text.hpp"

namespace py = pybind11;

namespace ranvier {
namespace {

constexpr const char* kOp = "optimizer_step";

struct NumberKey {
    const char* name;
    double OptimParams::* field;
};
struct FlagKey {
    const char* name;
    bool OptimParams::* field;
};
constexpr NumberKey kNumbers[] = {
    {"learning_rate", &OptimParams::learning_rate},
    {"momentum", &OptimParams::momentum},
    {"beta_1", &OptimParams::beta_1},
    {"beta_2", &OptimParams::beta_2},
    {"rho", &OptimParams::rho},
    {"epsilon", &OptimParams::epsilon},
    {"learning_rate_power", &OptimParams::learning_rate_power},
    {"l1", &OptimParams::l1},
    {"l2", &OptimParams::l2},
    {"l2_shrinkage", &OptimParams::l2_shrinkage},
    {"beta", &OptimParams::beta},
    {"weight_decay", &OptimParams::weight_decay},
    {"clipnorm", &OptimParams::clipnorm},
    {"clipvalue", &OptimParams::clipvalue},
    {"global_clipnorm", &OptimParams::global_clipnorm},
};
constexpr FlagKey kFlags[] = {
    {"nesterov", &OptimParams::nesterov},
    {"amsgrad", &OptimParams::amsgrad},
    {"centered", &OptimParams::centered},
};

[[noreturn]] void refuse(const std::string& why) { throw py::value_error(Text(kOp) + ": " + why); }

// (w, offset, size, decay, l1, l2)
template <class T>
OptimVariable<T> variable_from(const py::tuple& v, index_t length, std::size_t number) {
    const std::string name = "variables[" + std::to_string(number) + "]";
    if (v.size() != 6) refuse("`" + name + "` must be (w, offset, size, decay, l1, l2)");
    const py::array w = gate::as_array(kOp, v[0], name.c_str());
    OptimVariable<T> variable{out<T>(kOp, w, name.c_str()), v[1].cast<index_t>(),
                              v[2].cast<index_t>(),         v[3].cast<bool>(),
                              v[4].cast<double>(),          v[5].cast<double>()};
    if (variable.size != elements(w))
        refuse("`" + name + "` has " + std::to_string(elements(w)) +
               " elements, not size=" + std::to_string(variable.size));
    if (variable.offset < 0 || variable.offset > length || variable.size > length - variable.offset)
        refuse("`" + name + "` at offset " + std::to_string(variable.offset) + " with " +
               std::to_string(variable.size) + " elements does not fit a gradient of " +
               std::to_string(length));
    return variable;
}

template <class T>
double step(const OptimParams& p, index_t iteration, const py::list& variables,
            const py::array& gradient, const py::list& slots) {
    T* g = out<T>(kOp, gradient, "gradient", {{"n"}});
    const index_t n = elements(gradient);
    const auto needed = static_cast<std::size_t>(optim_slots(p));
    if (slots.size() < needed)
        refuse("`slots` must have " + std::to_string(needed) + " arrays; got " +
               std::to_string(slots.size()));
    std::vector<OptimVariable<T>> vars;
    vars.reserve(variables.size());
    double total = 0;
    for (std::size_t i = 0; i < variables.size(); ++i) {
        const py::object v = variables[i];
        if (!py::isinstance<py::tuple>(v)) refuse("each of `variables` must be a tuple");
        vars.push_back(variable_from<T>(py::reinterpret_borrow<py::tuple>(v), n, i));
        require_apart<T>(kOp, vars.back().w, vars.back().size, "variables", g, n, "gradient");
        total += static_cast<double>(vars.back().size);
    }
    std::vector<T*> slot_pointers;
    for (std::size_t i = 0; i < needed; ++i) {
        const py::array s = gate::as_array(kOp, slots[i], "slots");
        slot_pointers.push_back(out<T>(kOp, s, "slots", {{"n", n}}));
        require_apart<T>(kOp, slot_pointers.back(), n, "slots", g, n, "gradient");
    }
    double penalty = 0;
    run_released(10.0 * total,
                 [&] { penalty = optim_step<T>(p, iteration, vars, g, slot_pointers.data()); });
    return penalty;
}

}  // namespace

OptimParams optim_params_from(const py::dict& d) {
    OptimParams p;
    for (const auto& item : d) {
        const auto key = py::str(item.first).cast<std::string>();
        bool known = key == "kind";
        try {
            if (known) p.kind = optim_named(item.second.cast<std::string>());
            for (const NumberKey& k : kNumbers)
                if (key == k.name) p.*k.field = item.second.cast<double>(), known = true;
            for (const FlagKey& k : kFlags)
                if (key == k.name) p.*k.field = item.second.cast<bool>(), known = true;
        } catch (const py::cast_error&) {
            throw py::type_error("optimizer_step: `" + key + "` cannot be of type " +
                                 Py_TYPE(item.second.ptr())->tp_name);
        }
        if (!known) refuse("unknown parameter '" + key + "'");
    }
    return p;
}

void bind_optim(py::module_& m) {
    def(m, "optimizer_step",
        [](const py::dict& params, index_t iteration, const py::list& variables,
           const py::array& gradient, const py::list& slots) {
            const OptimParams p = optim_params_from(params);
            if (iteration < 0) refuse("`iteration` must be >= 0; got " + std::to_string(iteration));
            return dispatch(kOp, gradient, "gradient", [&](auto zero) {
                return step<decltype(zero)>(p, iteration, variables, gradient, slots);
            });
        });
    def(m, "optimizer_slots",
        [](const py::dict& params) { return optim_slots(optim_params_from(params)); });
}

}  // namespace ranvier
