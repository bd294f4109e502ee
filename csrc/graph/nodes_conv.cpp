// Convolutions and transposed convolutions.
#include "ranvier/nodes_conv.hpp"

namespace ranvier {
namespace {

// Can max pooling be done before the activation, without a change in any bit?
bool commutes_with_max(Act act, const ActParams& p) {
    return act == Act::linear || (act == Act::relu && p.a >= 0 && p.b > 1e300 && p.c == 0);
}

template <class T>
class ConvPoolNode;

template <class T>
class ConvNode final : public Node<T> {
  public:
    ConvNode(const ConvSpec& spec, bool use_bias, Act act, const ActParams& p)
        : spec_(spec),
          use_bias_(use_bias),
          act_(act),
          params_(p),
          keeps_pre_(act != Act::linear && act_backward_reads_input(act, p)) {}

    const char* kind() const override { return "conv"; }
    Shape infer(const std::vector<Shape>& x) const override {
        return output_shape(spec_, conv_shape(spec_, x[0]));
    }
    double flops(const NodeShapes& s) const override { return conv_shape(spec_, s.x[0]).flops(); }
    std::size_t cache_bytes(const NodeShapes& s) const override {
        return keeps_pre_ ? static_cast<std::size_t>(volume(s.y)) * sizeof(T) : 0;
    }
    bool backward_reads_y() const override { return act_ != Act::linear && !keeps_pre_; }

    void forward(const NodeShapes& s, const NodeRun<T>& r) const override {
        conv_forward(conv_shape(spec_, s.x[0]), r.x[0], static_cast<const T*>(r.param[0]),
                     use_bias_ ? static_cast<const T*>(r.param[1]) : nullptr, act_, params_, r.y,
                     keeps_pre_ ? static_cast<T*>(r.cache) : nullptr);
    }
    void backward(const NodeShapes& s, const NodeRun<T>& r) const override {
        ConvBackward<T> b;
        b.x = r.x[0];
        b.w = r.param[0];
        b.act = act_;
        b.params = params_;
        b.saved = keeps_pre_ ? static_cast<const T*>(r.cache) : r.y;
        b.dy = r.dy;
        b.dx = r.dx[0];
        b.dw = r.dparam[0];
        b.db = use_bias_ ? r.dparam[1] : nullptr;
        conv_backward(conv_shape(spec_, s.x[0]), b);
    }
    NodePtr<T> followed_by(NodePtr<T>& self, NodePtr<T>& next) const override {
        const bool many_outputs = spec_.groups > 1 && spec_.groups == spec_.c && spec_.co > spec_.c;
        if (next->max_pool_window() == nullptr || many_outputs || !commutes_with_max(act_, params_))
            return nullptr;
        return std::make_unique<ConvPoolNode<T>>(*this, self, next);
    }

  private:
    friend class ConvPoolNode<T>;
    ConvSpec spec_;
    bool use_bias_;
    Act act_;
    ActParams params_;
    bool keeps_pre_;
};

// Both, so that the convolution's output never goes to memory. They keep their own labels.
template <class T>
class ConvPoolNode final : public Node<T> {
  public:
    ConvPoolNode(const ConvNode<T>& conv, NodePtr<T>& first, NodePtr<T>& second)
        : conv_(conv), first_(std::move(first)), second_(std::move(second)) {}

    const char* kind() const override { return "conv+max_pool"; }
    void name(const std::string& layer) override { second_->name(layer); }
    Shape infer(const std::vector<Shape>& x) const override {
        return second_->shape_of({first_->shape_of(x)});
    }
    double flops(const NodeShapes& s) const override { return geometry(s).conv.flops(); }
    std::size_t cache_bytes(const NodeShapes& s) const override {
        return static_cast<std::size_t>(volume(s.y) * geometry(s).pool.index_bytes());
    }
    bool backward_reads_y() const override { return conv_.act_ != Act::linear; }

    void forward(const NodeShapes& s, const NodeRun<T>& r) const override {
        conv_pool_forward(geometry(s), r.x[0], static_cast<const T*>(r.param[0]),
                          conv_.use_bias_ ? static_cast<const T*>(r.param[1]) : nullptr, r.y,
                          r.cache);
    }
    void backward(const NodeShapes& s, const NodeRun<T>& r) const override {
        ConvBackward<T> b;
        b.x = r.x[0];
        b.w = r.param[0];
        b.saved = r.y;
        b.dy = r.dy;
        b.dx = r.dx[0];
        b.dw = r.dparam[0];
        b.db = conv_.use_bias_ ? r.dparam[1] : nullptr;
        conv_pool_backward(geometry(s), b, static_cast<const void*>(r.cache));
    }

  private:
    ConvPool<T> geometry(const NodeShapes& s) const {
        ConvPool<T> g;
        g.conv = conv_shape(conv_.spec_, s.x[0]);
        const MaxPoolWindow& w = *second_->max_pool_window();
        g.pool = pool_shape(output_shape(conv_.spec_, g.conv), w.window, w.stride, w.same);
        g.relu = conv_.act_ == Act::relu;
        g.slope = static_cast<T>(conv_.params_.a);
        return g;
    }

    const ConvNode<T>& conv_;  // first_
    NodePtr<T> first_, second_;
};

template <class T>
class ConvTransposeNode final : public Node<T> {
  public:
    ConvTransposeNode(const ConvSpec& spec, bool use_bias) : spec_(spec), use_bias_(use_bias) {}

    const char* kind() const override { return "conv_transpose"; }
    Shape infer(const std::vector<Shape>& x) const override {
        return input_shape(spec_, transposed_conv_shape(spec_, x[0]));
    }
    double flops(const NodeShapes& s) const override {
        return transposed_conv_shape(spec_, s.x[0]).flops();
    }
    void forward(const NodeShapes& s, const NodeRun<T>& r) const override {
        conv_transpose(transposed_conv_shape(spec_, s.x[0]), r.x[0],
                       static_cast<const T*>(r.param[0]),
                       use_bias_ ? static_cast<const T*>(r.param[1]) : nullptr, r.y);
    }
    void backward(const NodeShapes& s, const NodeRun<T>& r) const override {
        const ConvShape c = transposed_conv_shape(spec_, s.x[0]);
        const T* dy = r.dy;
        if (use_bias_ && r.dparam[1]) column_sums(c.n * c.in_pixels(), c.c, dy, r.dparam[1]);
        if (r.dparam[0]) conv_weights(c, dy, r.x[0], r.dparam[0]);
        if (r.dx[0])
            conv_forward(c, dy, static_cast<const T*>(r.param[0]), static_cast<const T*>(nullptr),
                         Act::linear, {}, r.dx[0], static_cast<T*>(nullptr));
    }

  private:
    ConvSpec spec_;
    bool use_bias_;
};

}  // namespace

template <class T>
NodePtr<T> make_conv(const ConvSpec& spec, bool use_bias, Act act, const ActParams& p) {
    return std::make_unique<ConvNode<T>>(spec, use_bias, act, p);
}
template <class T>
NodePtr<T> make_conv_transpose(const ConvSpec& spec, bool use_bias) {
    return std::make_unique<ConvTransposeNode<T>>(spec, use_bias);
}

#define RV_INSTANTIATE(T)                                                        \
    template NodePtr<T> make_conv(const ConvSpec&, bool, Act, const ActParams&); \
    template NodePtr<T> make_conv_transpose(const ConvSpec&, bool);
RV_INSTANTIATE(float)
RV_INSTANTIATE(double)

}  // namespace ranvier
