# Uses ccache when it is there. Precompiled headers need the two settings below to be cacheable.
find_program(EIGENSCAPE_CCACHE ccache)
if(EIGENSCAPE_CCACHE)
  set(launcher ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${EIGENSCAPE_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
  message(STATUS "Compiler cache: ${EIGENSCAPE_CCACHE}")
else()
  message(STATUS "Compiler cache: none (install ccache to speed rebuilds up)")
endif()
