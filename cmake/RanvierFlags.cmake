# Flags that every target of ours gets through the interface target ranvier_flags.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)

add_library(ranvier_flags INTERFACE)
target_include_directories(ranvier_flags INTERFACE "${PROJECT_SOURCE_DIR}/csrc/include"
                                                   "${PROJECT_SOURCE_DIR}/csrc")
target_compile_options(
  ranvier_flags
  INTERFACE -Wall -Wextra -Wshadow -Wpointer-arith -Wno-psabi
            # errno and floating-point traps are never read; everything else stays IEEE
            -fno-math-errno -fno-trapping-math
            # the same bytes wherever it is built
            "-ffile-prefix-map=${PROJECT_SOURCE_DIR}=." $<$<BOOL:${RANVIER_WERROR}>:-Werror>)
if(RANVIER_BASELINE_ONLY)
  target_compile_definitions(ranvier_flags INTERFACE RANVIER_BASELINE_ONLY)
endif()
if(RANVIER_SANITIZE)
  # Not less than -O2: below, GCC does not contract a * b + c, and the vector maths counts on it.
  target_compile_options(ranvier_flags INTERFACE -fsanitize=${RANVIER_SANITIZE}
                                                 -fno-omit-frame-pointer -fno-sanitize-recover=all -g1 -O2)
  target_link_options(ranvier_flags INTERFACE -fsanitize=${RANVIER_SANITIZE})
endif()
# Link-time optimisation of drivers and bindings, for size: what their files have in common is kept
# once. Never of kernels, whose instruction sets must not mix.
set(RANVIER_LTO OFF)
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT RANVIER_SANITIZE)
  include(CheckIPOSupported)
  check_ipo_supported(RESULT RANVIER_LTO OUTPUT RANVIER_LTO_ERROR LANGUAGES CXX)
endif()
if(RANVIER_STD_THREADS)
  find_package(Threads REQUIRED)
elseif(RANVIER_OPENMP)
  find_package(OpenMP REQUIRED COMPONENTS CXX)
endif()
# ranvier_seeds(<target>): what GCC otherwise draws at random, for names in objects that wait for
# link-time optimisation, comes from the source's name: the same object each time.
function(ranvier_seeds target)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    get_target_property(sources ${target} SOURCES)
    list(FILTER sources INCLUDE REGEX "^[^$]*\\.cpp$")
    foreach(source IN LISTS sources)
      set_property(SOURCE ${source} APPEND PROPERTY COMPILE_OPTIONS -frandom-seed=${source})
    endforeach()
  endif()
endfunction()
