# SPDX-License-Identifier: Apache-2.0
# Toolchain: aarch64 Linux with Debian's cross compiler, the libraries of build/cross-sysroot, tests under qemu.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)

get_filename_component(sinew_sysroot ${CMAKE_CURRENT_LIST_DIR}/../build/cross-sysroot ABSOLUTE)
set(CMAKE_FIND_ROOT_PATH ${sinew_sysroot} /usr/aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

# -L: the emulated program finds the C library; LD_LIBRARY_PATH: and the shared libraries of the sysroot.
find_program(sinew_qemu NAMES qemu-aarch64-static qemu-aarch64 REQUIRED)
set(CMAKE_CROSSCOMPILING_EMULATOR ${sinew_qemu} -L /usr/aarch64-linux-gnu -E LD_LIBRARY_PATH=${sinew_sysroot}/usr/lib/aarch64-linux-gnu)
