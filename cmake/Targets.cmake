# How every target of our own is compiled.

# Sanitizers concern whole programs, so every target gets them.
if(EIGENSCAPE_SANITIZE)
  list(JOIN EIGENSCAPE_SANITIZE "," sanitizers)
  add_compile_options(-fsanitize=${sanitizers} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${sanitizers})
endif()

function(eigenscape_options target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow=local -Wnon-virtual-dtor
                                           -Woverloaded-virtual -Wimplicit-fallthrough)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # GCC 12 sees overlaps and overflows in "text" + std::string that are not there (its bug 105651).
    target_compile_options(${target} PRIVATE -Wno-restrict -Wno-stringop-overflow -Wno-array-bounds)
  endif()
  if(EIGENSCAPE_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR})
endfunction()

# One precompiled <torch/torch.h> for all targets that use LibTorch: it is the bulk of their compile time.
function(eigenscape_torch_header target)
  get_target_property(type ${target} TYPE)
  if(type STREQUAL "EXECUTABLE")
    # The header was compiled for a library; code for a program (-fPIE) would not fit it.
    target_compile_options(${target} PRIVATE -fPIC)
  endif()
  target_precompile_headers(${target} REUSE_FROM eigenscape_model)
endfunction()

# A library that may use LibTorch.
function(eigenscape_torch_room target)
  target_link_libraries(${target} PUBLIC eigenscape_torch)
  eigenscape_options(${target})
  set_property(GLOBAL APPEND PROPERTY EIGENSCAPE_TORCH_ROOMS ${target})
  if(target STREQUAL "eigenscape_model")
    target_precompile_headers(${target} PRIVATE <torch/torch.h>)
  else()
    eigenscape_torch_header(${target})
  endif()
endfunction()

# Compiles a source of inner loops into the target once per instruction set, each time under another name
# (EIGENSCAPE_KERNELS); the program takes what its processor has.
function(eigenscape_kernels target source)
  set(sets Baseline)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    list(APPEND sets Avx2 Avx512)
  endif()
  set(options_Avx2 -mavx2 -mfma)
  set(options_Avx512 -mavx512f -mfma)
  get_filename_component(stem ${source} NAME_WE)
  foreach(set IN LISTS sets)
    add_library(${stem}_${set} OBJECT ${source})
    eigenscape_options(${stem}_${set})
    target_compile_options(${stem}_${set} PRIVATE ${options_${set}})
    target_compile_definitions(${stem}_${set} PRIVATE EIGENSCAPE_KERNELS=k${set})
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:${stem}_${set}>)
  endforeach()
endfunction()
