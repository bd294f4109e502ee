// Image augmentation and resizing: the single operations.
#include <cmath>

#include "bindings/bind_ops.hpp"
#include "bindings/image_args.hpp"
#include "ranvier/graph.hpp"
#include "ranvier/text.hpp"

namespace py = pybind11;

namespace ranvier {
namespace {

ImageShape images(const char* op, const py::array& x, bool channels_first) {
    if (gate::proxy(x)->nd != 4) {
        if (channels_first) gate::refuse_shape(op, x, "x", {{"N"}, {"C"}, {"H"}, {"W"}});
        gate::refuse_shape(op, x, "x", {{"N"}, {"H"}, {"W"}, {"C"}});
    }
    try {
        return image_shape(Shape(x.shape(), x.shape() + 4), channels_first);
    } catch (const std::invalid_argument& error) {
        throw py::value_error(Text(op) + ": " + error.what());
    }
}

const double* transforms_of(const char* op, const py::array& t, index_t n) {
    const double* p = in<double>(op, t, "transforms", {{"N", n}, {"coefficients", 8}});
    for (index_t i = 0; i < 8 * n; ++i)
        if (!std::isfinite(p[i]) || (i % 8 > 5 && p[i] != 0))
            throw py::value_error(Text(op) +
                                  ": `transforms` must be finite, and the last two numbers of each "
                                  "0 (perspective is not in ranvier)");
    return p;
}

py::array affine_transform_op(const py::array& x, const py::array& transforms,
                              std::string_view interpolation, std::string_view fill_mode,
                              double fill_value, bool channels_first, const py::object& out_arg) {
    constexpr const char* op = "affine_transform";
    const ImageShape s = images(op, x, channels_first);
    const AffineSpec spec = affine_spec(interpolation, fill_mode, fill_value);
    return dispatch(op, x, "x", [&](auto zero) {
        using T = decltype(zero);
        const T* xp = in<T>(op, x, "x");
        const double* tp = transforms_of(op, transforms, s.n);
        const py::array y = output_like<T>(op, out_arg, x, "x");
        T* yp = elements_of<T>(y);
        require_apart<T>(op, yp, s.elements(), "out", xp, s.elements(), "x");
        run_released(20.0 * static_cast<double>(s.elements()),
                     [&] { affine_transform<T>(s, tp, spec, xp, yp); });
        return y;
    });
}

py::array resize_images_op(const py::array& x, index_t height, index_t width,
                           std::string_view interpolation, bool antialias, std::string_view aspect,
                           double fill_value, bool channels_first, const py::object& out_arg) {
    constexpr const char* op = "resize_images";
    const ImageShape s = images(op, x, channels_first);
    if (s.h == 0 || s.w == 0)
        throw py::value_error(Text(op) + ": images of no pixels cannot be resized");
    ImageShape made = s;
    made.h = height;
    made.w = width;
    const Shape shape = batch_shape(made, channels_first);
    volume(shape);  // more than memory can hold is refused here
    const ResizeSpec spec = resize_spec(interpolation, antialias, aspect, fill_value);
    return dispatch(op, x, "x", [&](auto zero) {
        using T = decltype(zero);
        const T* xp = in<T>(op, x, "x");
        const py::array y =
            channels_first
                ? output<T>(op, out_arg, "out",
                            {{"N", shape[0]}, {"C", shape[1]}, {"H", height}, {"W", width}})
                : output<T>(op, out_arg, "out",
                            {{"N", shape[0]}, {"H", height}, {"W", width}, {"C", shape[3]}});
        T* yp = elements_of<T>(y);
        require_apart<T>(op, yp, made.elements(), "out", xp, s.elements(), "x");
        run_released(8.0 * static_cast<double>(s.elements() + made.elements()), [&] {
            resize<T>(s, frame_of(spec.aspect, s.h, s.w, height, width), spec, height, width, xp,
                      yp);
        });
        return y;
    });
}

}  // namespace

void bind_image(py::module_& m) {
    def(m, "affine_transform", &affine_transform_op);
    def(m, "resize_images", &resize_images_op);
}

}  // namespace ranvier
