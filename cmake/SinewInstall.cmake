# SPDX-License-Identifier: Apache-2.0
# Install rules by component: runtime (shared libraries), development (headers, archives, CMake package, models), tools. A wheel takes the
# component python, with the shared libraries alone.
include(CMakePackageConfigHelpers)

set(sinew_targets sinew sinew_testing sinew_no_alloc)
set(sinew_components "")
foreach(component remote sim torch)
  if(TARGET sinew_${component})
    list(APPEND sinew_components ${component})
  endif()
endforeach()
set(sinew_config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/sinew)

set(sinew_destinations LIBRARY COMPONENT runtime NAMELINK_COMPONENT development ARCHIVE COMPONENT development FILE_SET HEADERS COMPONENT development)
install(TARGETS ${sinew_targets} EXPORT sinew-targets ${sinew_destinations})
install(EXPORT sinew-targets NAMESPACE sinew:: DESTINATION ${sinew_config_dir} COMPONENT development)
# One export per optional part: a consumer that does not ask for it need not have what it links.
foreach(component ${sinew_components})
  install(TARGETS sinew_${component} EXPORT sinew-${component}-targets ${sinew_destinations})
  install(EXPORT sinew-${component}-targets NAMESPACE sinew:: DESTINATION ${sinew_config_dir} COMPONENT development)
endforeach()

get_target_property(sinew_library_type sinew TYPE)
set(sinew_models_dir ${CMAKE_INSTALL_DATADIR}/sinew/models)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/sinew-config.cmake.in ${PROJECT_BINARY_DIR}/sinew-config.cmake
                              INSTALL_DESTINATION ${sinew_config_dir} PATH_VARS sinew_models_dir)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/sinew-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/sinew-config.cmake ${PROJECT_BINARY_DIR}/sinew-config-version.cmake DESTINATION ${sinew_config_dir}
        COMPONENT development)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/models DESTINATION ${CMAKE_INSTALL_DATADIR}/sinew COMPONENT development)
install(FILES ${CMAKE_CURRENT_LIST_DIR}/FindSentencePiece.cmake DESTINATION ${sinew_config_dir} COMPONENT development)
if(SINEW_SIM)
  install(FILES ${CMAKE_CURRENT_LIST_DIR}/FindMujocoWheel.cmake DESTINATION ${sinew_config_dir} COMPONENT development OPTIONAL)
endif()

# Inside a wheel the libraries lie beside the modules that share them. A wheel holds no symbolic links, so each has one name.
if(SINEW_PYTHON AND BUILD_SHARED_LIBS)
  foreach(target sinew sinew_sim sinew_remote sinew_torch)
    if(TARGET ${target})
      set_property(TARGET ${target} PROPERTY VERSION)
      set_property(TARGET ${target} PROPERTY INSTALL_RPATH "$ORIGIN" "$ORIGIN/../mujoco" "$ORIGIN/../torch/lib")
      install(TARGETS ${target} LIBRARY DESTINATION sinew COMPONENT python NAMELINK_SKIP)
    endif()
  endforeach()
endif()
