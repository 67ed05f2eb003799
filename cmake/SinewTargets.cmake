# SPDX-License-Identifier: Apache-2.0
# Helpers shared by src/, tests/, examples/, benchmarks/ and python/.

add_library(sinew_warnings INTERFACE)
# Options are aggregates set by designated initialisers, which -Wextra takes for mistakes; g++ 12 reports -Wrestrict inside
# std::string where nothing overlaps (GCC bug 105329).
if(SINEW_WARNINGS)
  target_compile_options(sinew_warnings INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wno-sign-conversion -Wshadow -Wnon-virtual-dtor -Wno-missing-field-initializers $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict> -Werror)
endif()

# What is shipped is built so that a defect ends the process instead of being used: checked library calls and indices, guarded stacks,
# tables that are read-only after loading, no executable stack. tests/hardening reads the built binaries. Not in Debug: the sanitizers
# look closer, and fortified calls would hide from them.
option(SINEW_HARDENING "Hardened release builds" ON)
add_library(sinew_hardening INTERFACE)
if(SINEW_HARDENING AND CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang" AND NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize" AND NOT SINEW_LIBFUZZER)
  set(release $<NOT:$<CONFIG:Debug>>)
  target_compile_options(sinew_hardening INTERFACE $<${release}:-fstack-protector-strong> $<${release}:-fstack-clash-protection> $<${release}:-U_FORTIFY_SOURCE>
                                                   $<${release}:-D_FORTIFY_SOURCE=3> $<${release}:-D_GLIBCXX_ASSERTIONS>)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
    target_compile_options(sinew_hardening INTERFACE $<${release}:-fcf-protection>)
  endif()
  target_link_options(sinew_hardening INTERFACE $<${release}:LINKER:-z,relro,-z,now,-z,noexecstack>)
endif()

# sinew_module(<target> HEADERS <files> SOURCES <files>): adds files of one folder to a library target.
# Headers are given relative to include/, sources relative to the calling folder.
function(sinew_module target)
  cmake_parse_arguments(arg "" "" "HEADERS;SOURCES" ${ARGN})
  list(TRANSFORM arg_HEADERS PREPEND ${PROJECT_SOURCE_DIR}/include/)
  target_sources(${target} PRIVATE ${arg_SOURCES} PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/include FILES ${arg_HEADERS})
endfunction()

# sinew_kernels(<target> [ISAS <beyond v4>] [OPTIONS <flags>]): adds the calling folder's kernels/kernels_portable.cpp and, on x86-64,
# kernels_v2, _v3, _v4 and those named beside it, each compiled for its instruction set (docs/architecture.md). Always optimised: an
# unoptimised one is of no use to anyone. Without checked indices, checked calls and stack guards: spans are checked before a kernel
# is called, and a checked memcpy alone made forward kinematics a third slower.
function(sinew_kernels target)
  cmake_parse_arguments(arg "" "" "ISAS;OPTIONS" ${ARGN})
  set(v2_flags -march=x86-64-v2)
  set(v3_flags -march=x86-64-v3)
  set(v4_flags -march=x86-64-v4)
  set(v4_vnni_flags ${v4_flags} -mavx512vnni -mavx512vbmi)
  set(v4_bf16_flags ${v4_vnni_flags} -mavx512bf16)
  set(v4_amx_flags ${v4_bf16_flags} -mamx-tile -mamx-bf16)
  set(release $<NOT:$<CONFIG:Debug>>)
  set(unchecked $<${release}:-U_GLIBCXX_ASSERTIONS> $<${release}:-U_FORTIFY_SOURCE> $<${release}:-fno-stack-protector>)
  set(isas portable)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
    list(APPEND isas v2 v3 v4 ${arg_ISAS})
  endif()
  foreach(isa IN LISTS isas)
    target_sources(${target} PRIVATE kernels/kernels_${isa}.cpp)
    set_source_files_properties(kernels/kernels_${isa}.cpp TARGET_DIRECTORY ${target} PROPERTIES COMPILE_OPTIONS "${${isa}_flags};-O3;${unchecked};${arg_OPTIONS}")
  endforeach()
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
  target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:sinew_warnings> $<BUILD_INTERFACE:sinew_hardening>)
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON DEFINE_SYMBOL "" VERSION ${PROJECT_VERSION}
                                             SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR} VERIFY_INTERFACE_HEADER_SETS ${SINEW_DEV})
endfunction()
