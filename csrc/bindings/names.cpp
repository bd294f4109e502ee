#include "bindings/names.hpp"

#include <stdexcept>
#include <string>

#include "ranvier/text.hpp"

namespace ranvier {
namespace {

template <class E>
struct Name {
    const char* name;
    E value;
};

template <class E, std::size_t N>
E find(const char* what, std::string_view name, const Name<E> (&all)[N]) {
    for (const auto& n : all)
        if (name == n.name) return n.value;
    throw std::invalid_argument(Text("unknown ") + what + " '" + std::string(name) + "'");
}

}  // namespace

Act act_named(std::string_view name) {
    static constexpr Name<Act> all[] = {
        {"linear", Act::linear},
        {"binary_step", Act::binary_step},
        {"relu", Act::relu},
        {"sigmoid", Act::sigmoid},
        {"tanh", Act::tanh},
        {"softplus", Act::softplus},
        {"softsign", Act::softsign},
        {"elu", Act::elu},
        {"selu", Act::selu},
        {"gelu", Act::gelu},
        {"gelu_tanh", Act::gelu_tanh},
        {"silu", Act::silu},
        {"hard_sigmoid", Act::hard_sigmoid},
        {"exponential", Act::exponential},
        {"pieces", Act::pieces},
        {"mish", Act::mish},
        {"tanh_shrink", Act::tanh_shrink},
        {"squareplus", Act::squareplus},
    };
    return find("activation", name, all);
}

Math math_named(std::string_view name) {
    static constexpr Name<Math> all[] = {
        {"exp", Math::exp},         {"log", Math::log},     {"tanh", Math::tanh},
        {"sigmoid", Math::sigmoid}, {"erf", Math::erf},     {"softplus", Math::softplus},
        {"expm1", Math::expm1},     {"log1p", Math::log1p},
    };
    return find("function", name, all);
}

Loss loss_named(std::string_view name) {
    static constexpr Name<Loss> all[] = {
        {"mean_squared_error", Loss::mean_squared_error},
        {"mean_absolute_error", Loss::mean_absolute_error},
        {"binary_crossentropy", Loss::binary_crossentropy},
        {"binary_crossentropy_logits", Loss::binary_crossentropy_logits},
        {"half_poisson_logits", Loss::half_poisson_logits},
        {"huber", Loss::huber},
        {"log_cosh", Loss::log_cosh},
        {"hinge", Loss::hinge},
        {"squared_hinge", Loss::squared_hinge},
        {"poisson", Loss::poisson},
        {"mean_squared_logarithmic_error", Loss::mean_squared_logarithmic_error},
        {"mean_absolute_percentage_error", Loss::mean_absolute_percentage_error},
        {"categorical_crossentropy", Loss::categorical_crossentropy},
        {"categorical_crossentropy_logits", Loss::categorical_crossentropy_logits},
        {"sparse_categorical_crossentropy", Loss::sparse_categorical_crossentropy},
        {"sparse_categorical_crossentropy_logits", Loss::sparse_categorical_crossentropy_logits},
    };
    return find("loss", name, all);
}

Count count_named(std::string_view name) {
    static constexpr Name<Count> all[] = {
        {"accuracy", Count::accuracy},
        {"binary_accuracy", Count::binary_accuracy},
        {"categorical_accuracy", Count::categorical_accuracy},
        {"sparse_categorical_accuracy", Count::sparse_categorical_accuracy},
        {"top_k_categorical_accuracy", Count::top_k_categorical_accuracy},
        {"sparse_top_k_categorical_accuracy", Count::sparse_top_k_categorical_accuracy},
    };
    return find("metric", name, all);
}

Optim optim_named(std::string_view name) {
    static constexpr Name<Optim> all[] = {
        {"sgd", Optim::sgd},         {"adam", Optim::adam},         {"rmsprop", Optim::rmsprop},
        {"adagrad", Optim::adagrad}, {"adadelta", Optim::adadelta}, {"adamax", Optim::adamax},
        {"nadam", Optim::nadam},     {"lion", Optim::lion},         {"ftrl", Optim::ftrl},
    };
    return find("optimizer", name, all);
}

}  // namespace ranvier
