// The single operations behind ranvier.ops: a list of their families.
#include "bindings/bind_ops.hpp"

#include "bindings/bind.hpp"
#include "bindings/names.hpp"

namespace ranvier {

Activation activation_of(const char* op, const pybind11::object& given) {
    if (given.is_none()) return {};
    if (!PyTuple_Check(given.ptr()) || PyTuple_GET_SIZE(given.ptr()) != 4)
        throw pybind11::type_error(std::string(op) + ": an activation must be (name, a, b, c)");
    const call::Arguments spec{op, PySequence_Fast_ITEMS(given.ptr()), "element"};
    return {act_named(spec.text(0)), {spec.number(1), spec.number(2), spec.number(3)}};
}

void bind_ops(pybind11::module_& m) {
    bind_matmul(m);
    bind_activation(m);
    bind_loss(m);
    bind_optim(m);
    bind_data(m);
    bind_conv(m);
    bind_pool(m);
    bind_norm(m);
    bind_image(m);
    bind_rnn(m);
}

}  // namespace ranvier
