# How every target of our own is compiled.

function(eigenscape_options target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow=local -Wnon-virtual-dtor
                                           -Woverloaded-virtual -Wimplicit-fallthrough)
  if(EIGENSCAPE_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  foreach(sanitizer IN LISTS EIGENSCAPE_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${sanitizer} -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC -fsanitize=${sanitizer})
  endforeach()
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR})
endfunction()

# One precompiled <torch/torch.h> for all targets that use LibTorch: it is the bulk of their compile time.
function(eigenscape_torch_room target)
  target_link_libraries(${target} PUBLIC eigenscape_torch)
  eigenscape_options(${target})
  if(target STREQUAL "eigenscape_model")
    target_precompile_headers(${target} PRIVATE <torch/torch.h>)
  else()
    target_precompile_headers(${target} REUSE_FROM eigenscape_model)
  endif()
endfunction()
