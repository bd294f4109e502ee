#include "check.hpp"
RV_TEST_MAIN
