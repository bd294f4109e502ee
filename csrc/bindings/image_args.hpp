// Names of modes as Python gives them, checked there too.
#pragma once

#include <pybind11/pybind11.h>

#include <string>
#include <string_view>

#include "ranvier/image.hpp"

namespace ranvier {

template <class E, int kCount>
E named(const char* what, const char* const (&names)[kCount], std::string_view name) {
    for (int i = 0; i < kCount; ++i)
        if (name == names[i]) return static_cast<E>(i);
    throw pybind11::value_error(std::string("`") + what + "` is unknown: '" + std::string(name) +
                                "'");
}

inline Interpolation interpolation_named(std::string_view name) {
    static constexpr const char* names[] = {"nearest", "bilinear", "bicubic", "lanczos3",
                                            "lanczos5"};
    return named<Interpolation>("interpolation", names, name);
}
inline AffineSpec affine_spec(std::string_view interpolation, std::string_view fill_mode,
                              double fill_value) {
    static constexpr const char* names[] = {"constant", "nearest", "wrap", "mirror", "reflect"};
    return {interpolation_named(interpolation), named<FillMode>("fill_mode", names, fill_mode),
            fill_value};
}
inline ResizeSpec resize_spec(std::string_view interpolation, bool antialias,
                              std::string_view aspect, double fill_value) {
    static constexpr const char* names[] = {"stretch", "crop", "pad"};
    return {interpolation_named(interpolation), antialias, named<Aspect>("aspect", names, aspect),
            fill_value};
}

}  // namespace ranvier
