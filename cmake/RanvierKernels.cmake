# ranvier_kernels(<source>...): compiles each source once per instruction set of the target
# processor, with RV_ISA naming the set, and adds the objects to ranvier_engine.
if(RANVIER_BASELINE_ONLY)
  set(RANVIER_ISAS baseline)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  set(RANVIER_ISAS baseline avx2 avx512)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64|ARM64)$")
  set(RANVIER_ISAS baseline neon)
else()
  set(RANVIER_ISAS baseline)
endif()

# Baseline is for machines of another age: it must be right and small.
set(RANVIER_ISA_FLAGS_baseline -Os)
set(RANVIER_ISA_FLAGS_avx2 -mavx2 -mfma -mf16c -mtune=haswell)
set(RANVIER_ISA_FLAGS_avx512 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma -mf16c
                             -mprefer-vector-width=512)
set(RANVIER_ISA_FLAGS_neon "")

# -O3 makes the code a third longer: for those alone that gain by it (measured).
set(RANVIER_O3_KERNELS "norm|softmax")

function(ranvier_kernels)
  foreach(isa IN LISTS RANVIER_ISAS)
    foreach(level IN ITEMS O2 O3)
      set(sources ${ARGN})
      if(isa STREQUAL "baseline")
        list(FILTER sources EXCLUDE REGEX "winograd") # see RV_DECLARE_FAST_KERNELS
      endif()
      if(isa STREQUAL "avx512")
        # see RV_DECLARE_NARROW_KERNELS
        list(FILTER sources EXCLUDE REGEX "image|loss_(count|element)|norm_columns|optim|pool_(global|resample)")
      endif()
      if(level STREQUAL "O3")
        list(FILTER sources INCLUDE REGEX "${RANVIER_O3_KERNELS}")
      else()
        list(FILTER sources EXCLUDE REGEX "${RANVIER_O3_KERNELS}")
      endif()
      set(target ranvier_kernels_${isa}_${level})
      add_library(${target} OBJECT ${sources})
      target_link_libraries(${target} PRIVATE ranvier_flags)
      target_compile_definitions(${target} PRIVATE RV_ISA=${isa})
      # Contraction to fused multiply-add is wanted in kernels, and only there. Nothing throws there.
      target_compile_options(
        ${target} PRIVATE -${level} ${RANVIER_ISA_FLAGS_${isa}} -ffp-contract=fast
                          -fno-exceptions -fno-asynchronous-unwind-tables)
      if(RANVIER_SANITIZE MATCHES "undefined")
        # a third of the time of building; AddressSanitizer sees the addresses, and vectors need no alignment
        target_compile_options(${target} PRIVATE -fno-sanitize=null,alignment,object-size,pointer-overflow)
      endif()
      target_sources(ranvier_engine PRIVATE $<TARGET_OBJECTS:${target}>)
    endforeach()
  endforeach()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    foreach(source IN LISTS ARGN)
      if(source MATCHES "activation|math|rnn")
        set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS
                                                         "-fschedule-insns;-fsched-pressure")
      elseif(source MATCHES "gemm|depthwise")
        # a loop of a few instructions that lies across two lines of the cache runs at half its speed
        set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS -falign-loops=64)
      endif()
    endforeach()
  endif()
endfunction()
