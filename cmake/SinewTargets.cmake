# SPDX-License-Identifier: Apache-2.0
# Helpers shared by src/, tests/, examples/, benchmarks/ and python/.

add_library(sinew_warnings INTERFACE)
# Options are aggregates set by designated initialisers, which -Wextra takes for mistakes; g++ 12 reports -Wrestrict inside
# std::string where nothing overlaps (GCC bug 105329).
if(SINEW_WARNINGS)
  target_compile_options(sinew_warnings INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wno-sign-conversion -Wshadow -Wnon-virtual-dtor -Wno-missing-field-initializers $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict> -Werror)
endif()

# sinew_module(<target> HEADERS <files> SOURCES <files>): adds files of one folder to a library target.
# Headers are given relative to include/, sources relative to the calling folder.
function(sinew_module target)
  cmake_parse_arguments(arg "" "" "HEADERS;SOURCES" ${ARGN})
  list(TRANSFORM arg_HEADERS PREPEND ${PROJECT_SOURCE_DIR}/include/)
  target_sources(${target} PRIVATE ${arg_SOURCES} PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/include FILES ${arg_HEADERS})
endfunction()

# sinew_kernels(<target> [VNNI] [OPTIONS <flags>]): adds the calling folder's kernels/kernels_portable.cpp and, on x86-64, kernels_v2, _v3,
# _v4 and with VNNI _v4_vnni beside it, each compiled for its instruction set (docs/architecture.md). Always optimised: an unoptimised one
# is of no use to anyone.
function(sinew_kernels target)
  cmake_parse_arguments(arg "VNNI" "" "OPTIONS" ${ARGN})
  target_sources(${target} PRIVATE kernels/kernels_portable.cpp)
  set_source_files_properties(kernels/kernels_portable.cpp TARGET_DIRECTORY ${target} PROPERTIES COMPILE_OPTIONS "-O3;${arg_OPTIONS}")
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
    foreach(isa v2 v3 v4)
      target_sources(${target} PRIVATE kernels/kernels_${isa}.cpp)
      set_source_files_properties(kernels/kernels_${isa}.cpp TARGET_DIRECTORY ${target} PROPERTIES COMPILE_OPTIONS "-march=x86-64-${isa};-O3;${arg_OPTIONS}")
    endforeach()
    if(arg_VNNI)
      target_sources(${target} PRIVATE kernels/kernels_v4_vnni.cpp)
      set_source_files_properties(kernels/kernels_v4_vnni.cpp TARGET_DIRECTORY ${target}
                                  PROPERTIES COMPILE_OPTIONS "-march=x86-64-v4;-mavx512vnni;-mavx512vbmi;-O3;${arg_OPTIONS}")
    endif()
  endif()
endfunction()

# sinew_library(<name>): a library target with the alias sinew::<name>, hardened and warned about, C++20.
function(sinew_library name)
  set(target sinew)
  if(NOT name STREQUAL "sinew")
    set(target sinew_${name})
  endif()
  add_library(${target})
  add_library(sinew::${name} ALIAS ${target})
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_compile_options(${target} PRIVATE -ffp-contract=off -fno-math-errno)
  target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:sinew_warnings>)
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON DEFINE_SYMBOL "" VERSION ${PROJECT_VERSION}
                                             SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR} VERIFY_INTERFACE_HEADER_SETS ${SINEW_DEV})
endfunction()
