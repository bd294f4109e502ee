// Embedding.
#include <cstdio>
#include <cstring>
#include <stdexcept>

#include "ranvier/embedding.hpp"
#include "ranvier/nodes_mask.hpp"
#include "ranvier/text.hpp"

namespace ranvier {
namespace {

template <class T>
class EmbeddingNode final : public Node<T> {
  public:
    EmbeddingNode(index_t input_dim, index_t output_dim)
        : input_dim_(input_dim), output_dim_(output_dim) {
        constexpr index_t most = sizeof(T) == 4 ? index_t(1) << 24 : (index_t(1) << 31) - 1;
        if (input_dim < 1 || input_dim > most || output_dim < 1)
            throw std::invalid_argument(Text("input_dim must lie in 1..") + std::to_string(most));
    }

    const char* kind() const override { return "embedding"; }
    Shape infer(const std::vector<Shape>& x) const override {
        Shape y = x[0];
        y.push_back(output_dim_);
        return y;
    }
    // numbers for backward: x may have changed by then
    std::size_t cache_bytes(const NodeShapes& s) const override {
        return static_cast<std::size_t>(volume(s.x[0])) * sizeof(std::int32_t);
    }

    void forward(const NodeShapes& s, const NodeRun<T>& r) const override {
        const index_t n = volume(s.x[0]);
        const Scratch<std::int32_t> own(r.cache == nullptr ? n : 0);
        auto* ids = r.cache == nullptr ? own.get() : static_cast<std::int32_t*>(r.cache);
        const index_t bad = embedding_ids(n, r.x[0], input_dim_, ids);
        if (bad >= 0) refuse(r.x[0][bad]);
        embedding_forward(n, output_dim_, ids, r.param[0], r.y);
    }
    void backward(const NodeShapes& s, const NodeRun<T>& r) const override {
        const index_t n = volume(s.x[0]);
        if (r.dparam[0] != nullptr)
            embedding_backward(n, input_dim_, output_dim_,
                               static_cast<const std::int32_t*>(r.cache), r.dy, r.dparam[0]);
        if (r.dx[0] != nullptr) std::memset(r.dx[0], 0, static_cast<std::size_t>(n) * sizeof(T));
    }

  private:
    [[noreturn]] void refuse(T value) const {
        char told[32];
        std::snprintf(told, sizeof told, "%.10g", static_cast<double>(value));
        throw std::invalid_argument(Text(this->label.empty() ? "Embedding" : this->label) +
                                    ": the input must hold integers in 0.." +
                                    std::to_string(input_dim_ - 1) + " (`input_dim` is " +
                                    std::to_string(input_dim_) + "); got " + told);
    }

    index_t input_dim_, output_dim_;
};

}  // namespace

template <class T>
NodePtr<T> make_embedding(index_t input_dim, index_t output_dim) {
    return std::make_unique<EmbeddingNode<T>>(input_dim, output_dim);
}

template NodePtr<float> make_embedding(index_t, index_t);
template NodePtr<double> make_embedding(index_t, index_t);

}  // namespace ranvier
