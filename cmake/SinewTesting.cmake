# SPDX-License-Identifier: Apache-2.0
# sinew_test(<name> SOURCES <files> [LIBRARIES <targets>] [LABELS <labels>] [NO_ALLOC]): one doctest program, one CTest entry.
# NO_ALLOC counts malloc at link time (include/sinew/testing/no_alloc.hpp).
function(sinew_test name)
  cmake_parse_arguments(arg "NO_ALLOC" "" "SOURCES;LIBRARIES;LABELS" ${ARGN})
  set(target test_${name})
  add_executable(${target} ${arg_SOURCES})
  target_link_libraries(${target} PRIVATE sinew::sinew sinew::testing sinew_test_main sinew_warnings ${arg_LIBRARIES})
  if(arg_NO_ALLOC)
    target_link_libraries(${target} PRIVATE sinew::no_alloc)
  endif()
  if(NOT arg_LABELS)
    set(arg_LABELS unit)
  endif()
  add_test(NAME ${name} COMMAND ${CMAKE_CROSSCOMPILING_EMULATOR} $<TARGET_FILE:${target}>)
  set_tests_properties(${name} PROPERTIES LABELS "${arg_LABELS}" TIMEOUT 300)
endfunction()
