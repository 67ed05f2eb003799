# SPDX-License-Identifier: Apache-2.0
# Debian packages by CPack (preset deb): libsinew0.1 (libraries), libsinew-dev (headers, CMake package, models), sinew-watchdog.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME sinew)
set(CPACK_PACKAGE_VENDOR "Sinew")
set(CPACK_PACKAGE_CONTACT "Sinew maintainers <maintainers@sinew.invalid>")
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL runtime development tools)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

# What the libraries and programs need is found by dpkg-shlibdeps; the libraries of this build are named below.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR}/src ${PROJECT_BINARY_DIR}/src/backend/remote)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)

set(sinew_runtime_package libsinew${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
set(sinew_exact "${sinew_runtime_package} (= ${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME ${sinew_runtime_package})
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
set(CPACK_COMPONENT_RUNTIME_DESCRIPTION
    "libraries that join embodied foundation models to robots\nCamera frames, robot state and an instruction go in; the joint commands\nof a policy come out, within the robot's limits.")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libsinew-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "${sinew_exact}, libeigen3-dev (>= 3.4), libfmt-dev (>= 9)")
if(SINEW_REMOTE)
  string(APPEND CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS ", libzmq3-dev, pkgconf | pkg-config")
endif()
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION "headers, CMake package and policies of Sinew\nWhat a program that uses Sinew is compiled with: find_package(sinew).")
set(CPACK_DEBIAN_TOOLS_PACKAGE_NAME sinew-watchdog)
set(CPACK_DEBIAN_TOOLS_PACKAGE_SECTION misc)
set(CPACK_DEBIAN_TOOLS_PACKAGE_DEPENDS "${sinew_exact}")
set(CPACK_COMPONENT_TOOLS_DESCRIPTION "process that asks for a stop when a robot's control process fails\nIt listens to a heartbeat in shared memory. It is not a safety-rated function.")

# Every package has its notice and its history, as Debian wants it.
string(TIMESTAMP sinew_date "%a, %d %b %Y %H:%M:%S +0000" UTC)
configure_file(${CMAKE_CURRENT_LIST_DIR}/debian/changelog.in ${PROJECT_BINARY_DIR}/debian/changelog.Debian @ONLY)
execute_process(COMMAND gzip -9 --no-name --force --keep ${PROJECT_BINARY_DIR}/debian/changelog.Debian COMMAND_ERROR_IS_FATAL ANY)
foreach(component runtime development tools)
  string(TOUPPER ${component} key)
  install(FILES ${CMAKE_CURRENT_LIST_DIR}/debian/copyright ${PROJECT_BINARY_DIR}/debian/changelog.Debian.gz
          DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${CPACK_DEBIAN_${key}_PACKAGE_NAME} COMPONENT ${component})
endforeach()
include(CPack)
