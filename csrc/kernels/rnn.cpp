#include "kernels/rnn.hpp"

#include "simd/gates.hpp"
#include "simd/partial.hpp"

namespace ranvier {
namespace RV_ISA {
namespace {

// Whole vectors, or the last, partial one of a row.
template <class T>
struct Whole {
    RV_INLINE Vec<T> get(const T* p) const { return load(p); }
    RV_INLINE void put(T* p, Vec<T> v) const { store(p, v); }
};
template <class T>
struct Part {
    LaneMask<T> mask;
    index_t lanes;
    RV_INLINE Vec<T> get(const T* p) const { return load_lanes(p, mask); }
    RV_INLINE void put(T* p, Vec<T> v) const { store_lanes(p, v, lanes); }
};

// f(io, row, u) for every vector of every row.
template <class T, class F>
RV_INLINE void over_rows(const RnnRows<T>& s, F f) {
    constexpr index_t L = kLanes<T>;
    const index_t whole = s.units / L * L;
    const Part<T> part{lane_mask<T>(s.units - whole), s.units - whole};
    for (index_t row = 0; row < s.rows; ++row) {
        for (index_t u = 0; u < whole; u += L) f(Whole<T>{}, row, u);
        if (part.lanes > 0) f(part, row, whole);
    }
}

template <class T>
void lstm_forward(const RnnRows<T>& s) {
    const index_t U = s.units;
    over_rows<T>(s, [&](auto io, index_t row, index_t u) RV_LAMBDA_INLINE {
        T* z = s.gates + row * 4 * U + u;
        const index_t at = row * U + u;
        const Vec<T> i = gate_sigmoid<T>(io.get(z)), f = gate_sigmoid<T>(io.get(z + U));
        const Vec<T> g = gate_tanh<T>(io.get(z + 2 * U)), o = gate_sigmoid<T>(io.get(z + 3 * U));
        const Vec<T> c = fma(f, io.get(s.c_before + at), i * g);
        const Vec<T> a = gate_tanh<T>(c), h = o * a;
        if (s.keep) {
            io.put(z, i);
            io.put(z + U, f);
            io.put(z + 2 * U, g);
            io.put(z + 3 * U, o);
            io.put(s.act_c + at, a);
        }
        io.put(s.c + at, c);
        io.put(s.h + at, h);
        if (s.y) io.put(s.y + row * s.ldy + u, h);
    });
}

template <class T>
void lstm_backward(const RnnRows<T>& s) {
    const index_t U = s.units;
    const Vec<T> one = splat<T>(T(1));
    over_rows<T>(s, [&](auto io, index_t row, index_t u) RV_LAMBDA_INLINE {
        T* z = s.gates + row * 4 * U + u;
        const index_t at = row * U + u;
        const Vec<T> i = io.get(z), f = io.get(z + U), g = io.get(z + 2 * U);
        const Vec<T> o = io.get(z + 3 * U), a = io.get(s.act_c + at);
        Vec<T> dh = io.get(s.dh + at);
        if (s.dy) dh += io.get(s.dy + row * s.ldy + u);
        const Vec<T> dc = fma(dh * o, one - a * a, io.get(s.dc + at));
        io.put(s.dc + at, dc * f);
        io.put(z, dc * g * (i * (one - i)));
        io.put(z + U, dc * io.get(s.c_before + at) * (f * (one - f)));
        io.put(z + 2 * U, dc * i * (one - g * g));
        io.put(z + 3 * U, dh * a * (o * (one - o)));
    });
}

// h = z h_before + (1 - z) candidate
template <class T>
void gru_forward(const RnnRows<T>& s) {
    const index_t U = s.units;
    over_rows<T>(s, [&](auto io, index_t row, index_t u) RV_LAMBDA_INLINE {
        T* gate = s.gates + row * 3 * U + u;
        const index_t at = row * U + u;
        const Vec<T> z = gate_sigmoid<T>(io.get(gate)), r = gate_sigmoid<T>(io.get(gate + U));
        const Vec<T> x = gate_tanh<T>(fma(r, io.get(s.inner + at), io.get(gate + 2 * U)));
        const Vec<T> h = fma(z, io.get(s.h_before + at) - x, x);
        if (s.keep) {
            io.put(gate, z);
            io.put(gate + U, r);
            io.put(gate + 2 * U, x);
        }
        io.put(s.h + at, h);
        if (s.y) io.put(s.y + row * s.ldy + u, h);
    });
}

template <class T>
void gru_backward(const RnnRows<T>& s) {
    const index_t U = s.units;
    const Vec<T> one = splat<T>(T(1));
    over_rows<T>(s, [&](auto io, index_t row, index_t u) RV_LAMBDA_INLINE {
        T* gate = s.gates + row * 3 * U + u;
        const index_t at = row * U + u;
        const Vec<T> z = io.get(gate), r = io.get(gate + U), x = io.get(gate + 2 * U);
        Vec<T> dh = io.get(s.dh + at);
        if (s.dy) dh += io.get(s.dy + row * s.ldy + u);
        const Vec<T> dx = dh * (one - z) * (one - x * x);
        io.put(s.dh + at, dh * z);
        io.put(gate, dh * (io.get(s.h_before + at) - x) * (z * (one - z)));
        io.put(gate + U, dx * io.get(s.inner + at) * (r * (one - r)));
        io.put(gate + 2 * U, dx);
        io.put(s.inner + at, dx * r);
    });
}

}  // namespace
}  // namespace RV_ISA

RV_DEFINE_KERNELS(RnnKernels, &RV_ISA::lstm_forward<T>, &RV_ISA::lstm_backward<T>,
                  &RV_ISA::gru_forward<T>, &RV_ISA::gru_backward<T>)

}  // namespace ranvier
