// The engine's enums by the names that Python uses.
#pragma once

#include <string_view>

#include "ranvier/activation.hpp"
#include "ranvier/loss.hpp"
#include "ranvier/optim.hpp"

namespace ranvier {

// Each throws std::invalid_argument for a name it does not know.
Act act_named(std::string_view name);
Math math_named(std::string_view name);
Loss loss_named(std::string_view name);
Count count_named(std::string_view name);
Optim optim_named(std::string_view name);

}  // namespace ranvier
