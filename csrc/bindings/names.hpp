// The engine's enums by the names that Python uses.
#pragma once

#include <string>

#include "ranvier/activation.hpp"
#include "ranvier/loss.hpp"
#include "ranvier/optim.hpp"

namespace ranvier {

// Each throws std::invalid_argument for a name it does not know.
Act act_named(const std::string& name);
Math math_named(const std::string& name);
Loss loss_named(const std::string& name);
Count count_named(const std::string& name);
Optim optim_named(const std::string& name);

}  // namespace ranvier
