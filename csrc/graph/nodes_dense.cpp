// y = act(x W + b)
#include <stdexcept>

#include "ranvier/gemm.hpp"
#include "ranvier/nodes.hpp"
#include "ranvier/text.hpp"

namespace ranvier {
namespace {

template <class T>
class DenseNode final : public Node<T> {
  public:
    DenseNode(index_t units_in, index_t units, bool use_bias, Act act, const ActParams& p)
        : k_(units_in),
          u_(units),
          use_bias_(use_bias),
          act_(act),
          params_(p),
          keeps_pre_(act != Act::linear && act_backward_reads_input(act, p)) {}

    const char* kind() const override { return "dense"; }

    Shape infer(const std::vector<Shape>& x) const override {
        Shape y = x[0];
        if (y.size() < 2 || y.back() != k_)
            throw std::invalid_argument(Text("expected last axis of ") + std::to_string(k_) +
                                        "; got shape " + to_string(x[0]));
        y.back() = u_;
        return y;
    }

    double flops(const NodeShapes& s) const override {
        return 2.0 * static_cast<double>(rows(s)) * static_cast<double>(k_) *
               static_cast<double>(u_);
    }
    std::size_t cache_bytes(const NodeShapes& s) const override {
        return keeps_pre_ ? static_cast<std::size_t>(volume(s.y)) * sizeof(T) : 0;
    }
    bool backward_reads_y() const override { return act_ != Act::linear && !keeps_pre_; }

    void forward(const NodeShapes& s, const NodeRun<T>& r) const override {
        Epilogue<T> e;
        e.bias = use_bias_ ? r.param[1] : nullptr;
        e.act = act_;
        e.params = params_;
        if (keeps_pre_ && r.cache != nullptr) {
            e.pre = static_cast<T*>(r.cache);
            e.ldpre = u_;
        }
        gemm<T>(Trans::no, Trans::no, rows(s), u_, k_, T(1), r.x[0], k_, r.param[0], u_, T(0), r.y,
                u_, e);
    }

    void backward(const NodeShapes& s, const NodeRun<T>& r) const override {
        const index_t m = rows(s);
        T* db = use_bias_ ? r.dparam[1] : nullptr;
        if (act_ != Act::linear) {
            const T* saved = keeps_pre_ ? static_cast<const T*>(r.cache) : r.y;
            act_backward_bias(act_, params_, m, u_, saved, r.dy, r.dy, db);
        } else if (db != nullptr) {
            column_sums(m, u_, r.dy, db);
        }
        if (r.dparam[0] != nullptr)
            gemm<T>(Trans::yes, Trans::no, k_, u_, m, T(1), r.x[0], k_, r.dy, u_, T(0), r.dparam[0],
                    u_);
        if (r.dx[0] != nullptr)
            gemm<T>(Trans::no, Trans::yes, m, k_, u_, T(1), r.dy, u_, r.param[0], u_, T(0), r.dx[0],
                    k_);
    }

  private:
    index_t rows(const NodeShapes& s) const { return volume(s.y) / u_; }

    index_t k_, u_;
    bool use_bias_;
    Act act_;
    ActParams params_;
    bool keeps_pre_;
};

}  // namespace

template <class T>
NodePtr<T> make_dense(index_t units_in, index_t units, bool use_bias, Act act, const ActParams& p) {
    return std::make_unique<DenseNode<T>>(units_in, units, use_bias, act, p);
}

template NodePtr<float> make_dense(index_t, index_t, bool, Act, const ActParams&);
template NodePtr<double> make_dense(index_t, index_t, bool, Act, const ActParams&);

}  // namespace ranvier
