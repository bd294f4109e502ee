// The single operations behind ranvier.ops: a list of their families.
#include "bindings/bind_ops.hpp"

#include "bindings/bind.hpp"

namespace ranvier {

void bind_ops(pybind11::module_& m) {
    bind_matmul(m);
    bind_activation(m);
    bind_loss(m);
    bind_optim(m);
    bind_data(m);
}

}  // namespace ranvier
