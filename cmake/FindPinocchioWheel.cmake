# SPDX-License-Identifier: Apache-2.0
# Finds Pinocchio's headers and libraries in the PyPI wheel `pin` and offers them as pinocchio_wheel::headers (everything compiled by the
# user) and pinocchio_wheel::pinocchio (its libraries too).
#
# Looked for in the virtual environment SINEW_BENCH_VENV. Sets SINEW_PINOCCHIO_MISSING to the reason when it cannot be used.
include_guard(GLOBAL)
set(SINEW_PINOCCHIO_MISSING "")
file(GLOB _sinew_pinocchio_prefix "${SINEW_BENCH_VENV}/lib/python3*/site-packages/cmeel.prefix")
# The wheel leaves out the header-only half of urdfdom, which its reader's headers need.
find_path(SINEW_URDFDOM_HEADERS urdf_model/model.h PATH_SUFFIXES urdfdom_headers)
if(NOT EXISTS "${_sinew_pinocchio_prefix}/include/pinocchio/config.hpp")
  set(SINEW_PINOCCHIO_MISSING "PyPI wheel pin is not in ${SINEW_BENCH_VENV}")
elseif(NOT SINEW_URDFDOM_HEADERS)
  set(SINEW_PINOCCHIO_MISSING "urdf_model/model.h not found (Debian: liburdfdom-headers-dev)")
else()
  add_library(pinocchio_wheel::headers INTERFACE IMPORTED)
  target_include_directories(pinocchio_wheel::headers SYSTEM INTERFACE ${_sinew_pinocchio_prefix}/include ${SINEW_URDFDOM_HEADERS})
  target_link_libraries(pinocchio_wheel::headers INTERFACE Eigen3::Eigen)
  # The wheel's Boost has longer type lists than Boost's preprocessed headers provide for.
  target_compile_definitions(pinocchio_wheel::headers INTERFACE BOOST_MPL_CFG_NO_PREPROCESSED_HEADERS BOOST_MPL_LIMIT_LIST_SIZE=30)

  add_library(pinocchio_wheel::pinocchio INTERFACE IMPORTED)
  target_link_libraries(
    pinocchio_wheel::pinocchio INTERFACE pinocchio_wheel::headers ${_sinew_pinocchio_prefix}/lib/libpinocchio_parsers.so
                                         ${_sinew_pinocchio_prefix}/lib/libpinocchio_default.so)
  message(STATUS "[sinew] Pinocchio for benchmarks: ${_sinew_pinocchio_prefix}")
endif()
