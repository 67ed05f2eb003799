# SPDX-License-Identifier: Apache-2.0
# Finds MuJoCo's headers and library in the PyPI wheel mujoco-core and offers them as mujoco_wheel::mujoco.
#
# Looked for, in this order: SINEW_MUJOCO_DIR (the folder `mujoco` of site-packages), the interpreter Python3_EXECUTABLE,
# the virtual environment .venv at the repository root, the interpreters python3 and python on PATH.
# Sets SINEW_MUJOCO_DIR and SINEW_MUJOCO_VERSION. MuJoCo changes its C interface between releases, so the version is pinned.
include_guard(GLOBAL)
set(SINEW_MUJOCO_VERSION 4.0.1)
set(SINEW_MUJOCO_DIR "" CACHE PATH "Folder `mujoco` of the installed mujoco-core wheel (holds include/ and libmujoco.so.*)")

# Writes the folder of the wheel that this interpreter would import, or nothing, without importing it (that would need numpy).
function(_sinew_mujoco_of_interpreter interpreter result)
  set(${result} "" PARENT_SCOPE)
  if(NOT interpreter OR NOT EXISTS "${interpreter}")
    return()
  endif()
  execute_process(
    COMMAND "${interpreter}" -c "import importlib.util as u; s = u.find_spec('mujoco'); print(list(s.submodule_search_locations)[0] if s else '')"
    OUTPUT_VARIABLE folder OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE status)
  if(status EQUAL 0 AND folder)
    set(${result} "${folder}" PARENT_SCOPE)
  endif()
endfunction()

set(_sinew_mujoco_dir "${SINEW_MUJOCO_DIR}")
if(NOT _sinew_mujoco_dir)
  find_program(_sinew_python_on_path NAMES python3 python)
  foreach(_interpreter IN ITEMS "${Python3_EXECUTABLE}" "${PROJECT_SOURCE_DIR}/.venv/bin/python" "${_sinew_python_on_path}")
    _sinew_mujoco_of_interpreter("${_interpreter}" _sinew_mujoco_dir)
    if(_sinew_mujoco_dir)
      break()
    endif()
  endforeach()
endif()

# The wheel has no unversioned libmujoco.so for find_library to match, hence the file name with its version.
set(_sinew_mujoco_library "${_sinew_mujoco_dir}/libmujoco.so.${SINEW_MUJOCO_VERSION}")
if(NOT _sinew_mujoco_dir OR NOT EXISTS "${_sinew_mujoco_library}" OR NOT EXISTS "${_sinew_mujoco_dir}/include/mujoco/mujoco.h")
  set(_sinew_mujoco_found "no wheel was found")
  if(_sinew_mujoco_dir)
    set(_sinew_mujoco_found "${_sinew_mujoco_dir} has another version or is incomplete")
  endif()
  message(FATAL_ERROR "[sinew] mujoco-core ${SINEW_MUJOCO_VERSION} not found (${_sinew_mujoco_found}). "
                      "Run scripts/bootstrap, or: python3 -m pip install mujoco-core==${SINEW_MUJOCO_VERSION} "
                      "and configure with -DPython3_EXECUTABLE=<that python> or -DSINEW_MUJOCO_DIR=<site-packages>/mujoco.")
endif()
set(SINEW_MUJOCO_DIR "${_sinew_mujoco_dir}" CACHE PATH "" FORCE)

if(NOT TARGET mujoco_wheel::mujoco)
  add_library(mujoco_wheel::mujoco SHARED IMPORTED GLOBAL)
  set_target_properties(
    mujoco_wheel::mujoco PROPERTIES IMPORTED_LOCATION "${_sinew_mujoco_library}" IMPORTED_SONAME "libmujoco.so.${SINEW_MUJOCO_VERSION}"
                                    INTERFACE_INCLUDE_DIRECTORIES "${_sinew_mujoco_dir}/include")
endif()
message(STATUS "[sinew] MuJoCo ${SINEW_MUJOCO_VERSION}: ${_sinew_mujoco_dir}")
