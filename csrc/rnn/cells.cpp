// Steps of all cells: by the kernels where activations are the usual ones, else row by row.
#include "rnn/cells.hpp"

#include <cstring>

#include "rnn/layout.hpp"

namespace ranvier::rnn {
namespace {

template <class T>
void add_dy(const RnnRows<T>& k) {
    if (k.dy == nullptr) return;
    for (index_t b = 0; b < k.rows; ++b) add_inplace(k.units, k.dy + b * k.ldy, k.dh + b * k.units);
}
template <class T>
void copy_rows(const RnnRows<T>& k) {
    if (k.y == nullptr) return;
    for (index_t b = 0; b < k.rows; ++b)
        std::memcpy(k.y + b * k.ldy, k.h + b * k.units,
                    static_cast<std::size_t>(k.units) * sizeof(T));
}
template <class T>
void save(T* pre, const T* gates, index_t n) {
    if (pre) std::memcpy(pre, gates, static_cast<std::size_t>(n) * sizeof(T));
}

// One row of the gates, their activations and derivatives.
template <class T>
struct Row {
    const RnnSpec& s;
    T* gates;
    const T* pre;

    void gate(index_t i, index_t n) const {
        T* z = gates + i * s.units;
        act_forward(s.gate_act, s.gate_params, n * s.units, z, z);
    }
    void candidate(index_t i) const {
        T* z = gates + i * s.units;
        act_forward(s.act, s.act_params, s.units, z, z);
    }
    const T* saved(Act act, const ActParams& p, index_t i) const {
        return (act_backward_reads_input(act, p) ? pre : gates) + i * s.units;
    }
    // gates <- d * act'
    void gate_gradient(index_t i, index_t n, const T* d) const {
        act_backward(s.gate_act, s.gate_params, n * s.units, saved(s.gate_act, s.gate_params, i), d,
                     gates + i * s.units);
    }
    void candidate_gradient(index_t i, const T* d) const {
        act_backward(s.act, s.act_params, s.units, saved(s.act, s.act_params, i), d,
                     gates + i * s.units);
    }
};

template <class T>
void lstm_forward(const RnnSpec& s, const RnnRows<T>& k, T* pre) {
    const index_t U = k.units;
    save(pre, k.gates, k.rows * 4 * U);
    for (index_t b = 0; b < k.rows; ++b) {
        const Row<T> row{s, k.gates + b * 4 * U, nullptr};
        row.gate(0, 2);
        row.candidate(2);
        row.gate(3, 1);
        const T *i = row.gates, *f = i + U, *g = f + U, *o = g + U, *before = k.c_before + b * U;
        T *c = k.c + b * U, *h = k.h + b * U;
        for (index_t u = 0; u < U; ++u) c[u] = f[u] * before[u] + i[u] * g[u];
        act_forward(s.act, s.act_params, U, c, h);
        if (k.keep) std::memcpy(k.act_c + b * U, h, static_cast<std::size_t>(U) * sizeof(T));
        for (index_t u = 0; u < U; ++u) h[u] *= o[u];
    }
    copy_rows(k);
}

template <class T>
void lstm_backward(const RnnSpec& s, const RnnRows<T>& k, const T* pre) {
    const index_t U = k.units;
    add_dy(k);
    const Scratch<T> d(4 * U);
    const bool reads_c = act_backward_reads_input(s.act, s.act_params);
    for (index_t b = 0; b < k.rows; ++b) {
        const Row<T> row{s, k.gates + b * 4 * U, pre ? pre + b * 4 * U : nullptr};
        const T *i = row.gates, *f = i + U, *g = f + U, *o = g + U, *before = k.c_before + b * U;
        const T *dh = k.dh + b * U, *a = k.act_c + b * U;
        T* dc = k.dc + b * U;
        for (index_t u = 0; u < U; ++u) d[u] = dh[u] * o[u];
        act_backward(s.act, s.act_params, U, reads_c ? k.c + b * U : a, d.get(), d.get());
        for (index_t u = 0; u < U; ++u) dc[u] += d[u];
        for (index_t u = 0; u < U; ++u) {
            d[u] = dc[u] * g[u];
            d[U + u] = dc[u] * before[u];
            d[2 * U + u] = dc[u] * i[u];
            d[3 * U + u] = dh[u] * a[u];
            dc[u] *= f[u];
        }
        row.gate_gradient(0, 2, d.get());
        row.candidate_gradient(2, d.get() + 2 * U);
        row.gate_gradient(3, 1, d.get() + 3 * U);
    }
}

template <class T>
void gru_forward(const RnnSpec& s, const RnnRows<T>& k, T* pre) {
    const index_t U = k.units;
    const bool after = s.cell == Cell::gru_reset_after;
    for (index_t b = 0; b < k.rows; ++b) {
        const Row<T> row{s, k.gates + b * 3 * U, nullptr};
        T *z = row.gates, *r = z + U, *x = r + U;
        T* before = pre ? pre + b * 3 * U : nullptr;
        if (after) {
            save(before, z, 2 * U);
            row.gate(0, 2);
            for (index_t u = 0; u < U; ++u) x[u] += r[u] * k.inner[b * U + u];
        }
        save(before ? before + 2 * U : nullptr, x, U);
        row.candidate(2);
        const T* last = k.h_before + b * U;
        T* h = k.h + b * U;
        for (index_t u = 0; u < U; ++u) h[u] = x[u] + z[u] * (last[u] - x[u]);
    }
    copy_rows(k);
}

template <class T>
void gru_backward(const RnnSpec& s, const RnnRows<T>& k, const T* pre) {
    const index_t U = k.units;
    add_dy(k);
    const Scratch<T> d(3 * U);
    for (index_t b = 0; b < k.rows; ++b) {
        const Row<T> row{s, k.gates + b * 3 * U, pre ? pre + b * 3 * U : nullptr};
        T *z = row.gates, *r = z + U, *x = r + U;
        const T* last = k.h_before + b * U;
        T *dh = k.dh + b * U, *inner = k.inner + b * U;
        for (index_t u = 0; u < U; ++u) {
            d[u] = dh[u] * (last[u] - x[u]);
            d[2 * U + u] = dh[u] * (T(1) - z[u]);
            dh[u] *= z[u];
        }
        row.candidate_gradient(2, d.get() + 2 * U);
        if (s.cell == Cell::gru) {  // the gates wait for gru_gates_backward
            std::memcpy(k.c + b * U, d.get(), static_cast<std::size_t>(U) * sizeof(T));
            continue;
        }
        for (index_t u = 0; u < U; ++u) {
            d[U + u] = x[u] * inner[u];
            inner[u] = x[u] * r[u];
        }
        row.gate_gradient(0, 2, d.get());
    }
}

template <class T>
void simple_forward(const RnnSpec& s, const RnnRows<T>& k) {
    act_forward(s.act, s.act_params, k.rows * k.units, k.gates, k.h);
    copy_rows(k);
}
template <class T>
void simple_backward(const RnnSpec& s, const RnnRows<T>& k) {
    add_dy(k);
    act_backward(s.act, s.act_params, k.rows * k.units,
                 act_backward_reads_input(s.act, s.act_params) ? k.gates : k.h, k.dh, k.gates);
}

}  // namespace

template <class T>
void step_forward(const RnnSpec& s, const RnnRows<T>& k, T* pre) {
    if (is_fused(s))
        return s.cell == Cell::lstm ? kernels<RnnKernels, T>().lstm_forward(k)
                                    : kernels<RnnKernels, T>().gru_forward(k);
    if (s.cell == Cell::simple) return simple_forward(s, k);
    return s.cell == Cell::lstm ? lstm_forward(s, k, pre) : gru_forward(s, k, pre);
}

template <class T>
void step_backward(const RnnSpec& s, const RnnRows<T>& k, const T* pre) {
    if (is_fused(s))
        return s.cell == Cell::lstm ? kernels<RnnKernels, T>().lstm_backward(k)
                                    : kernels<RnnKernels, T>().gru_backward(k);
    if (s.cell == Cell::simple) return simple_backward(s, k);
    return s.cell == Cell::lstm ? lstm_backward(s, k, pre) : gru_backward(s, k, pre);
}

template <class T>
void gru_gates(const RnnSpec& s, const RnnRows<T>& k, const T* dropout, T* reset_h, T* pre) {
    const index_t U = k.units;
    for (index_t b = 0; b < k.rows; ++b) {
        const Row<T> row{s, k.gates + b * 3 * U, nullptr};
        save(pre ? pre + b * 3 * U : nullptr, row.gates, 2 * U);
        row.gate(0, 2);
        const T *r = row.gates + U, *last = k.h_before + b * U;
        for (index_t u = 0; u < U; ++u)
            reset_h[b * U + u] = r[u] * (dropout ? last[u] * dropout[b * U + u] : last[u]);
    }
}

template <class T>
void gru_gates_backward(const RnnSpec& s, const RnnRows<T>& k, const T* dropout, const T* dreset,
                        const T* pre) {
    const index_t U = k.units;
    const Scratch<T> d(2 * U);
    for (index_t b = 0; b < k.rows; ++b) {
        const Row<T> row{s, k.gates + b * 3 * U, pre ? pre + b * 3 * U : nullptr};
        const T *r = row.gates + U, *last = k.h_before + b * U;
        T* dh = k.dh + b * U;
        std::memcpy(d.get(), k.c + b * U, static_cast<std::size_t>(U) * sizeof(T));
        for (index_t u = 0; u < U; ++u) {
            const T keep = dropout ? dropout[b * U + u] : T(1), dr = dreset[b * U + u] * keep;
            d[U + u] = dr * last[u];
            dh[u] += dr * r[u];
        }
        row.gate_gradient(0, 2, d.get());
    }
}

#define RV_INSTANTIATE(T)                                                                      \
    template void step_forward<T>(const RnnSpec&, const RnnRows<T>&, T*);                      \
    template void step_backward<T>(const RnnSpec&, const RnnRows<T>&, const T*);               \
    template void gru_gates<T>(const RnnSpec&, const RnnRows<T>&, const T*, T*, T*);           \
    template void gru_gates_backward<T>(const RnnSpec&, const RnnRows<T>&, const T*, const T*, \
                                        const T*);
RV_INSTANTIATE(float)
RV_INSTANTIATE(double)

}  // namespace ranvier::rnn
