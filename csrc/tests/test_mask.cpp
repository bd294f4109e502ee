// Tables of rows, masks of sequences, and graphs that hand masks on.
#include "check.hpp"
#include "ranvier/embedding.hpp"
#include "ranvier/mask.hpp"
#include "ranvier/nodes_mask.hpp"
#include "ranvier/nodes_norm.hpp"
#include "ranvier/trainer.hpp"

using namespace ranvier;

namespace {

constexpr float kGuard = 12345.0F;

std::vector<std::int32_t> some_ids(index_t n, index_t rows, unsigned seed) {
    std::mt19937 gen(seed);
    std::vector<std::int32_t> ids(static_cast<std::size_t>(n));
    // half of them one and the same row, as padding is
    for (auto& id : ids)
        id = gen() % 2 ? 0 : static_cast<std::int32_t>(gen() % static_cast<unsigned>(rows));
    return ids;
}

template <class T>
void check_rows_of_a_table(index_t n, index_t rows, index_t cols) {
    const auto ids = some_ids(n, rows, 3);
    const auto table = test::random_values<T>(static_cast<std::size_t>(rows * cols), 1);
    const auto dy = test::random_values<T>(static_cast<std::size_t>(n * cols), 2);
    std::vector<T> y(static_cast<std::size_t>(n * cols) + 2, T(NAN));
    std::vector<T> grad(static_cast<std::size_t>(rows * cols) + 2, T(NAN));
    y.front() = y.back() = grad.front() = grad.back() = T(kGuard);
    embedding_forward<T>(n, cols, ids.data(), table.data(), y.data() + 1);
    embedding_backward<T>(n, rows, cols, ids.data(), dy.data(), grad.data() + 1);
    CHECK(y.front() == kGuard && y.back() == kGuard);
    CHECK(grad.front() == kGuard && grad.back() == kGuard);
    std::vector<T> sums(static_cast<std::size_t>(rows * cols), T(0));
    bool right = true;
    for (index_t i = 0; i < n; ++i)
        for (index_t j = 0; j < cols; ++j) {
            const index_t at = ids[static_cast<std::size_t>(i)] * cols + j;
            right = right && y[static_cast<std::size_t>(1 + i * cols + j)] ==
                                 table[static_cast<std::size_t>(at)];
            sums[static_cast<std::size_t>(at)] += dy[static_cast<std::size_t>(i * cols + j)];
        }
    CHECK(right, "n %td rows %td cols %td", n, rows, cols);
    CHECK(std::memcmp(sums.data(), grad.data() + 1, sums.size() * sizeof(T)) == 0,
          "n %td rows %td cols %td", n, rows, cols);
}

}  // namespace

TEST(rows_are_gathered_and_their_gradients_added_in_order_by_any_number_of_threads) {
    for (int threads : {1, 2, 3}) {
        set_num_threads(threads);
        for (index_t cols : {1, 3, 16, 17, 31, 64, 130})
            for (index_t n : {0, 1, 7, 300}) {
                check_rows_of_a_table<float>(n, 50, cols);
                check_rows_of_a_table<double>(n, 50, cols);
            }
        check_rows_of_a_table<float>(40000, 3000, 130);  // enough work for every thread
    }
    set_num_threads(1);
}

TEST(numbers_that_are_no_rows_are_found) {
    const float good[] = {0.0F, -0.0F, 4.0F, 3.0F};
    std::int32_t ids[4];
    CHECK(embedding_ids<float>(4, good, 5, ids) == -1);
    CHECK(ids[0] == 0 && ids[1] == 0 && ids[2] == 4 && ids[3] == 3);
    for (float bad : {-1.0F, 5.0F, 1.5F, -0.5F, 3e38F, -3e38F, INFINITY, -INFINITY, NAN}) {
        const float x[] = {1.0F, bad, 2.0F};
        CHECK(embedding_ids<float>(3, x, 5, ids) == 1, "%g", double(bad));
    }
    const double large[] = {2147483646.0, 2147483647.0};
    CHECK(embedding_ids<double>(2, large, 2147483647, ids) == 1 && ids[0] == 2147483646);
}

TEST(masks_say_which_rows_count) {
    const double x[] = {2, 2, 2, 2, 1, 2, NAN, 2, 2};
    double mask[] = {NAN, NAN, NAN, kGuard};
    rows_unequal<double>(3, 3, x, 2.0, mask);
    CHECK(mask[0] == 0 && mask[1] == 1 && mask[2] == 1 && mask[3] == kGuard);
    double y[] = {NAN, NAN, NAN, NAN, NAN, NAN, kGuard};
    const double other[] = {INFINITY, NAN, 3, 4, 5, 6};
    keep_rows<double>(3, 2, other, mask, y);
    CHECK(y[0] == 0 && y[1] == 0 && y[2] == 3 && y[5] == 6 && y[6] == kGuard);
    keep_rows<double>(3, 2, y, mask, y);
    CHECK(y[0] == 0 && y[2] == 3);
}

TEST(masked_means_leave_steps_out) {
    const double x[] = {1, 2, NAN, NAN, 3, 6, NAN, NAN, NAN, NAN, NAN, NAN};
    const double mask[] = {1, 0, 1, 0, 0, 0};
    double y[] = {NAN, NAN, NAN, NAN, kGuard};
    masked_mean<double>(2, 3, 2, x, mask, y);
    CHECK(y[0] == 2 && y[1] == 4 && std::isnan(y[2]) && std::isnan(y[3]) && y[4] == kGuard);
    const double dy[] = {4, 8, 1, 1};
    double dx[13];
    for (double& v : dx) v = NAN;
    dx[12] = kGuard;
    masked_mean_backward<double>(2, 3, 2, mask, dy, dx);
    const double want[] = {2, 4, 0, 0, 2, 4, 0, 0, 0, 0, 0, 0, kGuard};
    CHECK(std::memcmp(dx, want, sizeof want) == 0);
}

TEST(batch_norm_of_kept_rows_is_batch_norm_of_those_rows) {
    const index_t rows = 700, cols = 5;
    const auto x = test::random_values<double>(rows * cols, 1);
    const auto dy = test::random_values<double>(rows * cols, 2);
    const auto gamma = test::random_values<double>(cols, 3);
    for (int period : {1, 2, 7, 1000}) {  // 1: all rows
        std::vector<double> mask(rows), kept_x, kept_dy;
        for (index_t i = 0; i < rows; ++i) {
            mask[i] = period == 1 || i / 3 % period != 0;
            for (index_t j = 0; mask[i] != 0 && j < cols; ++j) {
                kept_x.push_back(x[i * cols + j]);
                kept_dy.push_back(dy[i * cols + j]);
            }
        }
        const index_t kept = static_cast<index_t>(kept_x.size()) / cols;
        std::vector<double> y(rows * cols, NAN), dx(rows * cols, NAN), mean(cols), variance(cols);
        std::vector<double> ky(kept * cols), kdx(kept * cols), kmean(cols), kvariance(cols);
        masked_batch_norm_forward(rows, cols, x.data(), mask.data(), gamma.data(),
                                  static_cast<const double*>(nullptr), 1e-3, y.data(), mean.data(),
                                  variance.data());
        batch_norm_forward(kept, cols, kept_x.data(), gamma.data(),
                           static_cast<const double*>(nullptr), 1e-3, ky.data(), kmean.data(),
                           kvariance.data());
        // rows that do not count take no part in the gradients of those that do if their dy is 0
        std::vector<double> g = dy;
        for (index_t i = 0; i < rows * cols; ++i) g[i] *= mask[i / cols];
        masked_batch_norm_backward(rows, cols, x.data(), mask.data(), mean.data(), variance.data(),
                                   gamma.data(), 1e-3, g.data(), dx.data(),
                                   static_cast<double*>(nullptr), static_cast<double*>(nullptr));
        batch_norm_backward(kept, cols, kept_x.data(), kmean.data(), kvariance.data(), gamma.data(),
                            1e-3, true, kept_dy.data(), kdx.data(), static_cast<double*>(nullptr),
                            static_cast<double*>(nullptr));
        double worst = 0;
        for (index_t i = 0, k = 0; i < rows; ++i) {
            for (index_t j = 0; j < cols; ++j) {
                const index_t at = i * cols + j;
                worst = std::fmax(worst, std::isnan(y[at]) || std::isnan(dx[at]));
                if (mask[i] == 0) {
                    worst = std::fmax(worst, std::fabs(dx[at]));
                    continue;
                }
                worst = std::fmax(worst, std::fabs(y[at] - ky[k * cols + j]));
                worst = std::fmax(worst, std::fabs(dx[at] - kdx[k * cols + j]));
            }
            k += mask[i] != 0;
        }
        CHECK(worst < 1e-12, "period %d: %g", period, worst);
    }
}

TEST(a_graph_hands_the_mask_of_its_output_on) {
    Graph<float> graph;
    graph.set_input({3}, 2);
    const int table = graph.add_param(8, true);
    const ValueId y = graph.add(make_embedding<float>(4, 2), {0}, {table});
    const ValueId mask = graph.add(make_unequal<float>(0, false), {0}, {});
    graph.add(make_unequal<float>(1, false), {1}, {});  // of the input's mask, which nobody reads
    graph.set_output(y, mask);
    float values[] = {0, 1, 2, 3, 4, 5, 6, 7}, gradient[8];
    for (float& g : gradient) g = NAN;
    const Params<float> params{{values}, {gradient}};
    const float x[] = {1, 0, 3, 0, 0, 2}, given[] = {1, 1, 1, 0, 0, 0};
    float out[12], told[6];
    const auto plan = make_plan(graph, {2, 3}, Mode::infer);
    CHECK((plan.output == Shape{2, 3, 2}) && (plan.mask == Shape{2, 3}));
    infer(plan, params, x, out, Masks<float>{given, told});
    const float want[] = {1, 0, 1, 0, 0, 1};
    CHECK(std::memcmp(told, want, sizeof want) == 0 && out[0] == 2 && out[5] == 7);

    Session<float> session(std::make_shared<const Graph<float>>(std::move(graph)));
    session.prepare({2, 3}, true);
    session.forward(params, x, true, 0, -1, given);
    CHECK(std::memcmp(session.output_mask(), want, sizeof want) == 0);
    for (int i = 0; i < 12; ++i) session.output_gradient()[i] = static_cast<float>(i);
    session.backward(params);
    const float sums[] = {2 + 6 + 8, 3 + 7 + 9, 0, 1, 10, 11, 4, 5};
    CHECK(std::memcmp(gradient, sums, sizeof sums) == 0);
    for (int i = 0; i < 6; ++i) CHECK(session.input_gradient()[i] == 0);
}

RV_TEST_MAIN
