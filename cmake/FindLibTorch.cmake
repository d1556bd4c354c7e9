# Finds LibTorch in this order: CMAKE_PREFIX_PATH (or Torch_DIR), an importable Python torch, the system (Debian's
# libtorch-dev). Says which one was taken and whether it has CUDA; passes over a Python torch that was built with the
# old C++ ABI, because it cannot link with the system's Qt and VTK.

set(EIGENSCAPE_TORCH_PYTHON "python3" CACHE STRING "Python that is asked for an importable torch; empty: none")

set(torch_origin "")
if(Torch_DIR AND EXISTS "${Torch_DIR}/TorchConfig.cmake")
  set(torch_origin "Torch_DIR")
elseif(CMAKE_PREFIX_PATH)
  find_package(Torch QUIET CONFIG PATHS ${CMAKE_PREFIX_PATH} NO_DEFAULT_PATH)
  if(Torch_FOUND)
    set(torch_origin "CMAKE_PREFIX_PATH")
  endif()
endif()

if(NOT torch_origin AND EIGENSCAPE_TORCH_PYTHON)
  execute_process(
    COMMAND ${EIGENSCAPE_TORCH_PYTHON} -c
            "import torch; print(torch.utils.cmake_prefix_path); print(int(torch.compiled_with_cxx11_abi()))"
    OUTPUT_VARIABLE torch_answer RESULT_VARIABLE torch_status ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(torch_status EQUAL 0)
    string(REPLACE "\n" ";" torch_answer "${torch_answer}")
    list(GET torch_answer 0 torch_prefix)
    list(GET torch_answer 1 torch_new_abi)
    if(torch_new_abi)
      find_package(Torch QUIET CONFIG PATHS ${torch_prefix} NO_DEFAULT_PATH)
      if(Torch_FOUND)
        set(torch_origin "Python (${EIGENSCAPE_TORCH_PYTHON})")
      endif()
    else()
      message(STATUS "LibTorch: passing over the torch of ${EIGENSCAPE_TORCH_PYTHON}: it was built with the old C++ ABI")
    endif()
  endif()
endif()

if(NOT torch_origin)
  find_package(Torch QUIET CONFIG)
  if(NOT Torch_FOUND)
    message(FATAL_ERROR "LibTorch was not found. Install libtorch-dev, or 'pip install torch', or unpack LibTorch and "
                        "pass -DCMAKE_PREFIX_PATH=/path/to/libtorch.")
  endif()
  set(torch_origin "system")
endif()

# TorchConfig.cmake does not set a version everywhere; the header does.
set(torch_version_header "")
foreach(dir IN LISTS TORCH_INCLUDE_DIRS)
  foreach(candidate "${dir}/torch/csrc/api/include/torch/version.h" "${dir}/torch/version.h")
    if(EXISTS "${candidate}" AND NOT torch_version_header)
      set(torch_version_header "${candidate}")
    endif()
  endforeach()
endforeach()
set(EIGENSCAPE_TORCH_VERSION "unknown")
if(torch_version_header)
  file(STRINGS "${torch_version_header}" torch_lines REGEX "#define TORCH_VERSION_(MAJOR|MINOR|PATCH) ")
  string(REGEX REPLACE ".*MAJOR ([0-9]+).*MINOR ([0-9]+).*PATCH ([0-9]+).*" "\\1.\\2.\\3" EIGENSCAPE_TORCH_VERSION
         "${torch_lines}")
endif()

set(EIGENSCAPE_TORCH_CUDA "without CUDA")
if(TARGET torch_cuda OR "${TORCH_LIBRARIES}" MATCHES "torch_cuda")
  set(EIGENSCAPE_TORCH_CUDA "with CUDA")
endif()
message(STATUS "LibTorch: ${EIGENSCAPE_TORCH_VERSION} from ${torch_origin}, ${EIGENSCAPE_TORCH_CUDA} (${Torch_DIR})")

# System headers: their warnings are not ours.
add_library(eigenscape_torch INTERFACE)
target_include_directories(eigenscape_torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
target_link_libraries(eigenscape_torch INTERFACE ${TORCH_LIBRARIES})
separate_arguments(torch_flags UNIX_COMMAND "${TORCH_CXX_FLAGS}")
target_compile_options(eigenscape_torch INTERFACE ${torch_flags})
