// Plans, sessions and the trainer: memory is laid out so that nothing is overwritten while needed.
#include "check.hpp"
#include "ranvier/nodes_pool.hpp"
#include "ranvier/trainer.hpp"

using namespace ranvier;

namespace {

// 6 -> dense tanh 5 -> dropout -> dense 4 -> prelu -> reshape (2, 2) -> permute -> flatten ->
// activity regularizer -> dense 3 -> softmax, with all its numbers.
struct Network {
    std::shared_ptr<Graph<double>> graph = std::make_shared<Graph<double>>();
    Params<double> params;
    std::vector<std::vector<double>> values, gradients;
    std::vector<OptimVariable<double>> variables;
    std::vector<double> flat;

    int param(index_t n, unsigned seed) {
        values.push_back(test::random_values<double>(static_cast<std::size_t>(n), seed));
        gradients.emplace_back(static_cast<std::size_t>(n), NAN);
        return graph->add_param(n, true);
    }

    explicit Network(bool softmax = true) {
        values.reserve(16);
        gradients.reserve(16);
        int v = graph->set_input({6});
        const int w1 = param(30, 1), b1 = param(5, 2), w2 = param(20, 3), b2 = param(4, 4);
        const int alpha = param(4, 5), w3 = param(12, 6), b3 = param(3, 7);
        v = graph->add(make_dense<double>(6, 5, true, Act::tanh, {}), {v}, {w1, b1});
        v = graph->add(make_dropout<double>(0.25, {}, 11), {v}, {});
        v = graph->add(make_dense<double>(5, 4, true, Act::gelu, {}), {v}, {w2, b2});
        v = graph->add(make_prelu<double>({4}), {v}, {alpha});
        v = graph->add(make_reshape<double>({2, 2}), {v}, {});
        v = graph->add(make_permute<double>({2, 1}), {v}, {});
        v = graph->add(make_reshape<double>({-1}), {v}, {});
        v = graph->add(make_activity_regularizer<double>(0.01, 0.02), {v}, {});
        v = graph->add(make_dense<double>(4, 3, true, Act::linear, {}), {v}, {w3, b3});
        if (softmax) v = graph->add(make_softmax<double>(-1, false), {v}, {});
        for (std::size_t i = 0; i < values.size(); ++i) {
            params.value.push_back(values[i].data());
            params.gradient.push_back(gradients[i].data());
        }
    }
};

double objective(Session<double>& session, const Network& net, const std::vector<double>& x,
                 const std::vector<double>& r) {
    session.forward(net.params, x.data(), true, 3);
    double sum = session.penalty();
    for (std::size_t i = 0; i < r.size(); ++i) sum += r[i] * session.output()[i];
    return sum;
}

}  // namespace

TEST(backward_agrees_with_central_differences) {
    Network net;
    const index_t n = 7;
    auto x = test::random_values<double>(static_cast<std::size_t>(n) * 6, 20);
    const auto r = test::random_values<double>(static_cast<std::size_t>(n) * 3, 21);
    Session<double> session(net.graph);
    session.prepare({n, 6}, true);
    objective(session, net, x, r);
    std::copy(r.begin(), r.end(), session.output_gradient());
    session.backward(net.params);
    const std::vector<double> dx(session.input_gradient(), session.input_gradient() + n * 6);
    const auto gradients = net.gradients;
    const double h = 1e-6;
    auto check = [&](double* p, double expected) {
        const double kept = *p;
        *p = kept + h;
        const double above = objective(session, net, x, r);
        *p = kept - h;
        const double below = objective(session, net, x, r);
        *p = kept;
        CHECK(std::abs((above - below) / (2 * h) - expected) < 1e-7, "%g %g",
              (above - below) / (2 * h), expected);
    };
    for (std::size_t i = 0; i < x.size(); ++i) check(&x[i], dx[i]);
    for (std::size_t p = 0; p < gradients.size(); ++p)
        for (std::size_t i = 0; i < gradients[p].size(); ++i)
            check(&net.values[p][i], gradients[p][i]);
}

// [N, 7, 3] through noise and adaptive pooling: the gradient in x by central differences, with the
// same noise in each pass.
TEST(noise_and_adaptive_pooling_agree_with_central_differences) {
    for (const Pool kind : {Pool::max, Pool::average}) {
        auto graph = std::make_shared<Graph<double>>();
        int v = graph->set_input({7, 3});
        v = graph->add(make_dropout<double>(0.3, {0, 1, 0}, 5, true), {v}, {});
        v = graph->add(make_dropout<double>(0.2, {}, 6, true), {v}, {});
        v = graph->add(make_gaussian_noise<double>(0.5, 7, true), {v}, {});
        v = graph->add(make_adaptive_pool<double>(kind, 1, 6), {v}, {});  // windows that overlap
        v = graph->add(make_adaptive_pool<double>(kind, 1, 3), {v}, {});  // and that do not
        v = graph->add(make_adaptive_pool<double>(kind, 2, 2), {v}, {});
        graph->set_output(v, -1);
        const index_t n = 5, out = 6;
        auto x = test::random_values<double>(static_cast<std::size_t>(n) * 21, 60);
        const auto r = test::random_values<double>(static_cast<std::size_t>(n * out), 61);
        const Params<double> none;
        Session<double> session(graph);
        session.prepare({n, 7, 3}, true);
        auto value = [&] {
            session.forward(none, x.data(), true, 3);
            double sum = 0;
            for (std::size_t i = 0; i < r.size(); ++i) sum += r[i] * session.output()[i];
            return sum;
        };
        value();
        std::copy(r.begin(), r.end(), session.output_gradient());
        session.backward(none);
        const std::vector<double> dx(session.input_gradient(), session.input_gradient() + n * 21);
        for (std::size_t i = 0; i < x.size(); ++i) {
            const double kept = x[i], h = 1e-6;
            x[i] = kept + h;
            const double above = value();
            x[i] = kept - h;
            const double below = value();
            x[i] = kept;
            CHECK(std::abs((above - below) / (2 * h) - dx[i]) < 1e-7, "%g %g",
                  (above - below) / (2 * h), dx[i]);
        }
    }
}

TEST(inference_agrees_with_the_session_and_reuses_memory) {
    Network net;
    const index_t n = 9;
    const auto x = test::random_values<double>(static_cast<std::size_t>(n) * 6, 30);
    Session<double> session(net.graph);
    session.prepare({n, 6});
    session.forward(net.params, x.data(), false, 0);
    const auto plan = make_plan(*net.graph, {n, 6}, Mode::infer);
    std::vector<double> y(static_cast<std::size_t>(n) * 3 + 1, -7.0);
    infer(plan, net.params, x.data(), y.data());
    for (index_t i = 0; i < n * 3; ++i)
        CHECK(y[static_cast<std::size_t>(i)] == session.output()[i]);
    CHECK(y.back() == -7.0);
    CHECK(plan.arena < session.plan().arena);
}

TEST(frozen_parameters_get_no_gradient) {
    Network net;
    for (int p : {0, 1, 2, 3}) {
        net.graph->set_trainable(p, false);
        net.params.gradient[static_cast<std::size_t>(p)] = nullptr;
    }
    const auto x = test::random_values<double>(12, 40);
    Session<double> session(net.graph);
    session.prepare({2, 6});
    session.forward(net.params, x.data(), true, 0);
    for (int i = 0; i < 6; ++i) session.output_gradient()[i] = 1.0;
    session.backward(net.params);
    CHECK(std::isnan(net.gradients[0][0]) && std::isnan(net.gradients[3][0]));
    for (std::size_t p = 4; p < 7; ++p)
        for (double g : net.gradients[p]) CHECK(std::isfinite(g));
}

TEST(the_loss_takes_the_place_of_the_softmax) {
    Network with, without(false);
    const index_t n = 8;
    const auto x = test::random_values<double>(static_cast<std::size_t>(n) * 6, 50);
    std::vector<double> y;
    for (index_t i = 0; i < n; ++i) y.push_back(static_cast<double>(i % 3));
    Source sx, sy;
    sx.data = x.data();
    sx.dtype = sy.dtype = DType::f64;
    sx.shape = {n, 6};
    sx.strides = {48, 8};
    sy.data = y.data();
    sy.shape = {n};
    sy.strides = {8};
    Feed feed;
    feed.x = &sx;
    feed.y = &sy;
    feed.rows = n;
    feed.batch = n;
    LossSpec probabilities, logits;
    probabilities.loss = Loss::sparse_categorical_crossentropy;
    logits.loss = Loss::sparse_categorical_crossentropy_logits;
    Trainer<double> a(with.graph, probabilities, {}), b(without.graph, logits, {});
    a.keep_predictions(true);
    Totals ta, tb;
    CHECK(a.train(with.params, {}, 0, {0.0}, {}, nullptr, nullptr, feed, 0, 1, 1.0, ta) == 1);
    CHECK(b.train(without.params, {}, 0, {0.0}, {}, nullptr, nullptr, feed, 0, 1, 1.0, tb) == 1);
    CHECK(ta.loss == tb.loss && ta.loss > 0);
    for (std::size_t p = 0; p < 7; ++p)
        for (std::size_t i = 0; i < with.gradients[p].size(); ++i)
            CHECK(with.gradients[p][i] == without.gradients[p][i]);
    double sum = 0;
    for (int j = 0; j < 3; ++j) sum += a.predictions()[j];
    CHECK(std::abs(sum - 1) < 1e-12);
    bool thrown = true;
    for (const double label : {3.0, 1.5, -1.0, std::nan("")}) {
        y[4] = label;
        try {
            a.train(with.params, {}, 0, {0.0}, {}, nullptr, nullptr, feed, 0, 1, 1.0, ta);
            thrown = false;
        } catch (const std::invalid_argument&) {
        }
    }
    CHECK(thrown);
}

TEST(shapes_that_do_not_fit_are_refused) {
    Network net;
    bool thrown = false;
    try {
        make_plan(*net.graph, {2, 5}, Mode::infer);
    } catch (const std::invalid_argument&) {
        thrown = true;
    }
    CHECK(thrown);
}

RV_TEST_MAIN
