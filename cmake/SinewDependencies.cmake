# SPDX-License-Identifier: Apache-2.0
# Finds what Sinew builds on, and names the package to install when something is missing.

# sinew_require(<package> DEBIAN <name> [VERSION <v>] [MODULE]): find_package with a message that says how to mend a failure.
function(sinew_require package)
  cmake_parse_arguments(arg "MODULE" "DEBIAN;VERSION" "" ${ARGN})
  if(arg_MODULE)
    find_package(${package} ${arg_VERSION} QUIET MODULE GLOBAL)
  else()
    find_package(${package} ${arg_VERSION} QUIET CONFIG GLOBAL)
  endif()
  if(NOT ${package}_FOUND)
    message(FATAL_ERROR "[sinew] ${package} ${arg_VERSION} not found. Debian, Ubuntu: apt-get install ${arg_DEBIAN}; "
                        "elsewhere: install it and add its prefix to CMAKE_PREFIX_PATH.")
  endif()
endfunction()

find_package(Threads REQUIRED)
sinew_require(Eigen3 DEBIAN libeigen3-dev VERSION 3.4)
sinew_require(fmt DEBIAN libfmt-dev VERSION 9)
sinew_require(nlohmann_json DEBIAN nlohmann-json3-dev VERSION 3.11)
sinew_require(tinyxml2 DEBIAN libtinyxml2-dev)
sinew_require(JPEG DEBIAN libjpeg-dev MODULE)
sinew_require(PNG DEBIAN libpng-dev MODULE)
sinew_require(SentencePiece DEBIAN libsentencepiece-dev MODULE)
if(SINEW_DEV)
  sinew_require(doctest DEBIAN doctest-dev)
endif()
if(SINEW_SIM)
  include(FindMujocoWheel)
endif()
