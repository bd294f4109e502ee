#include "kernels/optim.hpp"

#include "simd/math.hpp"
#include "simd/rows.hpp"

namespace ranvier {
namespace RV_ISA {
namespace {

template <class T>
RV_INLINE Vec<T> root(Vec<T> v) {
    // Element by element in the source; the compiler makes one vector square root of it.
    for (int i = 0; i < kLanes<T>; ++i) {
        if constexpr (sizeof(T) == 4)
            v[i] = __builtin_sqrtf(v[i]);
        else
            v[i] = __builtin_sqrt(v[i]);
    }
    return v;
}

template <class T>
struct Constants {
    Vec<T> rate, decay, scale, limit, momentum, keep_1, add_1, keep_2, add_2, epsilon;
    explicit Constants(const OptimTask<T>& t)
        : rate(splat<T>(t.rate)),
          decay(splat<T>(t.decay)),
          scale(splat<T>(t.scale)),
          limit(splat<T>(t.limit)),
          momentum(splat<T>(t.momentum)),
          keep_1(splat<T>(t.keep_1)),
          add_1(splat<T>(t.add_1)),
          keep_2(splat<T>(t.keep_2)),
          add_2(splat<T>(t.add_2)),
          epsilon(splat<T>(t.epsilon)) {}
};

// Each rule gets w (after weight decay), the clipped gradient d and the slots, and returns the new
// w. Keras 3's formulas, in its order of operations.
template <class T>
struct Sgd {
    static constexpr int kSlots = 0;
    static RV_INLINE Vec<T> step(const Constants<T>& c, Vec<T> w, Vec<T> d, Vec<T>&, Vec<T>&,
                                 Vec<T>&) {
        return w - c.rate * d;
    }
};
template <class T, bool kNesterov>
struct SgdMomentum {
    static constexpr int kSlots = 1;
    static RV_INLINE Vec<T> step(const Constants<T>& c, Vec<T> w, Vec<T> d, Vec<T>& m, Vec<T>&,
                                 Vec<T>&) {
        m = c.momentum * m - c.rate * d;
        return kNesterov ? w + (c.momentum * m - c.rate * d) : w + m;
    }
};
template <class T, bool kAmsgrad>
struct Adam {
    static constexpr int kSlots = kAmsgrad ? 3 : 2;
    static RV_INLINE Vec<T> step(const Constants<T>& c, Vec<T> w, Vec<T> d, Vec<T>& m, Vec<T>& v,
                                 Vec<T>& top) {
        m = m + (d - m) * c.add_1;
        v = v + (d * d - v) * c.add_2;
        Vec<T> second = v;
        if constexpr (kAmsgrad) second = top = vmax(v, top);
        return w - m * c.rate / (root<T>(second) + c.epsilon);
    }
};
template <class T, bool kMomentum, bool kCentered>
struct RmsProp {
    static constexpr int kSlots = 1 + kMomentum + kCentered;
    static RV_INLINE Vec<T> step(const Constants<T>& c, Vec<T> w, Vec<T> d, Vec<T>& v, Vec<T>& s1,
                                 Vec<T>& s2) {
        v = c.keep_2 * v + c.add_2 * (d * d);
        Vec<T> below = v + c.epsilon;
        if constexpr (kCentered) {
            Vec<T>& mean = kMomentum ? s2 : s1;
            mean = c.keep_2 * mean + c.add_2 * d;
            below = v - mean * mean + c.epsilon;
        }
        const Vec<T> change = c.rate * d / root<T>(below);
        if constexpr (kMomentum) {
            s1 = c.momentum * s1 + change;
            return w - s1;
        }
        return w - change;
    }
};
template <class T>
struct Adagrad {
    static constexpr int kSlots = 1;
    static RV_INLINE Vec<T> step(const Constants<T>& c, Vec<T> w, Vec<T> d, Vec<T>& sum, Vec<T>&,
                                 Vec<T>&) {
        sum = sum + d * d;
        return w - c.rate * d / root<T>(sum + c.epsilon);
    }
};

template <class T>
struct Adadelta {
    static constexpr int kSlots = 2;
    static RV_INLINE Vec<T> step(const Constants<T>& c, Vec<T> w, Vec<T> d, Vec<T>& a, Vec<T>& b,
                                 Vec<T>&) {
        a = c.keep_2 * a + c.add_2 * (d * d);
        const Vec<T> change = root<T>(b + c.epsilon) * d / root<T>(a + c.epsilon);
        b = c.keep_2 * b + c.add_2 * (change * change);
        return w - c.rate * change;
    }
};
template <class T>
struct Adamax {
    static constexpr int kSlots = 2;
    static RV_INLINE Vec<T> step(const Constants<T>& c, Vec<T> w, Vec<T> d, Vec<T>& m, Vec<T>& u,
                                 Vec<T>&) {
        m = m + (d - m) * c.add_1;
        u = vmax(c.keep_2 * u, vabs<T>(d));
        return w - c.rate * m / (u + c.epsilon);
    }
};
template <class T>
struct Nadam {
    static constexpr int kSlots = 2;
    static RV_INLINE Vec<T> step(const Constants<T>& c, Vec<T> w, Vec<T> d, Vec<T>& m, Vec<T>& v,
                                 Vec<T>&) {
        m = m + (d - m) * c.add_1;
        v = v + (d * d - v) * c.add_2;
        return w - (c.momentum * m + c.keep_1 * d) * c.rate / (root<T>(v * c.keep_2) + c.epsilon);
    }
};
template <class T>
struct Lion {
    static constexpr int kSlots = 1;
    static RV_INLINE Vec<T> step(const Constants<T>& c, Vec<T> w, Vec<T> d, Vec<T>& m, Vec<T>&,
                                 Vec<T>&) {
        const Vec<T> zero{}, v = m * c.keep_1 + d * c.add_1;
        m = m * c.keep_2 + d * c.add_2;
        const Vec<T> change = keep<T>(v > zero, c.rate) - keep<T>(v < zero, c.rate);
        return w - (v == v ? change : v);  // the sign of NaN is NaN
    }
};
template <class T>
struct Ftrl {
    static constexpr int kSlots = 2;
    static RV_INLINE Vec<T> power(const Constants<T>& c, Vec<T> v) {
        if (c.momentum[0] == T(0.5)) return root<T>(v);
        for (int i = 0; i < kLanes<T>; ++i) {
            if constexpr (sizeof(T) == 4)
                v[i] = __builtin_powf(v[i], c.momentum[i]);
            else
                v[i] = __builtin_pow(v[i], c.momentum[i]);
        }
        return v;
    }
    static RV_INLINE Vec<T> step(const Constants<T>& c, Vec<T> w, Vec<T> d, Vec<T>& sum,
                                 Vec<T>& linear, Vec<T>&) {
        const Vec<T> before = power(c, sum);
        sum = sum + d * d;
        const Vec<T> after = power(c, sum), l1 = c.keep_1;
        linear = linear + (d + c.add_1 * w - (after - before) / c.rate * w);
        const Vec<T> part = linear > l1 ? l1 : linear < -l1 ? -l1 : linear;
        // 0 even where nothing is known yet, such as between variables: 0 / 0 in Keras
        const Vec<T> zero{}, over = part - linear;
        return over == zero ? zero : over / (after / c.rate + c.add_2);
    }
};

template <class T, class Rule, bool kPlain>
RV_INLINE void one(const Constants<T>& c, Vec<T>& w, Vec<T> g, Vec<T>& s0, Vec<T>& s1, Vec<T>& s2) {
    if constexpr (!kPlain) {
        g = g * c.scale;
        g = g > c.limit ? c.limit : g < -c.limit ? -c.limit : g;
        w = w - w * c.decay;
    }
    w = Rule::step(c, w, g, s0, s1, s2);
}

template <class T, class Rule, bool kPlain>
void run(const OptimTask<T>& task, index_t n, T* w, const T* g, T* s0, T* s1, T* s2) {
    const Constants<T> c(task);
    constexpr int kSlots = Rule::kSlots, L = kLanes<T>;
    Vec<T> a{}, b{}, d{};
    index_t i = 0;
    for (; i + L <= n; i += L) {
        Vec<T> x = load(w + i);
        if constexpr (kSlots > 0) a = load(s0 + i);
        if constexpr (kSlots > 1) b = load(s1 + i);
        if constexpr (kSlots > 2) d = load(s2 + i);
        one<T, Rule, kPlain>(c, x, load(g + i), a, b, d);
        store(w + i, x);
        if constexpr (kSlots > 0) store(s0 + i, a);
        if constexpr (kSlots > 1) store(s1 + i, b);
        if constexpr (kSlots > 2) store(s2 + i, d);
    }
    if (const index_t r = n - i; r > 0) {
        Vec<T> x = load_partial(w + i, r);
        if constexpr (kSlots > 0) a = load_partial(s0 + i, r);
        if constexpr (kSlots > 1) b = load_partial(s1 + i, r);
        if constexpr (kSlots > 2) d = load_partial(s2 + i, r);
        one<T, Rule, kPlain>(c, x, load_partial(g + i, r), a, b, d);
        store_partial(w + i, x, r);
        if constexpr (kSlots > 0) store_partial(s0 + i, a, r);
        if constexpr (kSlots > 1) store_partial(s1 + i, b, r);
        if constexpr (kSlots > 2) store_partial(s2 + i, d, r);
    }
}

template <class T, class Rule>
void step(const OptimTask<T>& t, index_t n, T* w, const T* g, T* s0, T* s1, T* s2) {
    const bool plain = t.scale == T(1) && t.decay == T(0) && t.limit == T(__builtin_inf());
    (plain ? run<T, Rule, true> : run<T, Rule, false>)(t, n, w, g, s0, s1, s2);
}

template <class T>
void sgd(const OptimTask<T>& t, index_t n, T* w, const T* g, T* s0, T* s1, T* s2) {
    if (!t.use_momentum) return step<T, Sgd<T>>(t, n, w, g, s0, s1, s2);
    (t.nesterov ? step<T, SgdMomentum<T, true>> : step<T, SgdMomentum<T, false>>)(t, n, w, g, s0,
                                                                                  s1, s2);
}
template <class T>
void adam(const OptimTask<T>& t, index_t n, T* w, const T* g, T* s0, T* s1, T* s2) {
    (t.amsgrad ? step<T, Adam<T, true>> : step<T, Adam<T, false>>)(t, n, w, g, s0, s1, s2);
}
template <class T>
void rmsprop(const OptimTask<T>& t, index_t n, T* w, const T* g, T* s0, T* s1, T* s2) {
    constexpr decltype(&rmsprop<T>) all[2][2] = {
        {&step<T, RmsProp<T, false, false>>, &step<T, RmsProp<T, false, true>>},
        {&step<T, RmsProp<T, true, false>>, &step<T, RmsProp<T, true, true>>}};
    all[t.use_momentum][t.centered](t, n, w, g, s0, s1, s2);
}
template <class T>
void adagrad(const OptimTask<T>& t, index_t n, T* w, const T* g, T* s0, T* s1, T* s2) {
    step<T, Adagrad<T>>(t, n, w, g, s0, s1, s2);
}

// One form of these, plain or not: a scale of 1, no limit and no decay change no bits.
template <class T, template <class> class Rule>
void always(const OptimTask<T>& t, index_t n, T* w, const T* g, T* s0, T* s1, T* s2) {
    run<T, Rule<T>, false>(t, n, w, g, s0, s1, s2);
}

template <class T>
void regularize(T l1, T l2, index_t n, const T* w, T* g) {
    const Vec<T> twice = splat<T>(2 * l2), plus = splat<T>(l1), zero{};
    constexpr index_t L = kLanes<T>;
    for (index_t i = 0; i < n; i += L) {
        const index_t c = n - i < L ? n - i : L;
        const Vec<T> v = load_some<T>(w + i, c);
        const Vec<T> sign = keep<T>(v > zero, plus) - keep<T>(v < zero, plus);
        store_some<T>(g + i, load_some<T>(g + i, c) + fma(twice, v, sign), c);
    }
}

}  // namespace
}  // namespace RV_ISA

RV_DEFINE_KERNELS(OptimKernels,
                  {&RV_ISA::sgd<T>, &RV_ISA::adam<T>, &RV_ISA::rmsprop<T>, &RV_ISA::adagrad<T>,
                   &RV_ISA::always<T, RV_ISA::Adadelta>, &RV_ISA::always<T, RV_ISA::Adamax>,
                   &RV_ISA::always<T, RV_ISA::Nadam>, &RV_ISA::always<T, RV_ISA::Lion>,
                   &RV_ISA::always<T, RV_ISA::Ftrl>},
                  &RV_ISA::regularize<T>)

}  // namespace ranvier
