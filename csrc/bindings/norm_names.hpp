// The kinds of row normalization by the names that Python uses.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include "ranvier/norm.hpp"
#include "ranvier/text.hpp"

namespace ranvier {

inline RowNorm row_norm_named(std::string_view name) {
    if (name == "layer") return RowNorm::layer;
    if (name == "layer_rms") return RowNorm::layer_rms;
    if (name == "rms") return RowNorm::rms;
    if (name == "unit") return RowNorm::unit;
    throw std::invalid_argument(Text("unknown normalization '") + std::string(name) + "'");
}

}  // namespace ranvier
