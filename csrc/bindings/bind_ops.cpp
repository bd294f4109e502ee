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
    bind_conv(m);
    bind_pool(m);
    bind_norm(m);
    bind_image(m);
    bind_rnn(m);
}

}  // namespace ranvier
