# What `cmake --install` puts where, for find_package(concurrent_futures) and pkg-config. The library is headers only, so
# one installation serves every architecture.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

target_include_directories(concurrent_futures INTERFACE "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")

install(
    DIRECTORY "${PROJECT_SOURCE_DIR}/include/"
    DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
    FILES_MATCHING
    PATTERN "*.hpp"
    PATTERN "*.cppm"
    PATTERN debugger EXCLUDE
)
install(FILES "${PROJECT_SOURCE_DIR}/single_include/concurrent_futures.hpp" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
install(
    DIRECTORY "${PROJECT_SOURCE_DIR}/include/concurrent/futures/debugger/"
    DESTINATION "${CMAKE_INSTALL_DATADIR}/concurrent_futures"
)
install(TARGETS concurrent_futures EXPORT concurrent_futures)

set(package_directory "${CMAKE_INSTALL_DATADIR}/cmake/concurrent_futures")
install(
    EXPORT concurrent_futures
    NAMESPACE concurrent::
    FILE concurrent_futures-targets.cmake
    DESTINATION "${package_directory}"
)
configure_package_config_file(
    "${CMAKE_CURRENT_LIST_DIR}/concurrent_futures-config.cmake.in"
    "${PROJECT_BINARY_DIR}/concurrent_futures-config.cmake"
    INSTALL_DESTINATION "${package_directory}"
    NO_SET_AND_CHECK_MACRO
)
write_basic_package_version_file(
    "${PROJECT_BINARY_DIR}/concurrent_futures-config-version.cmake"
    COMPATIBILITY SameMinorVersion
    ARCH_INDEPENDENT
)
install(
    FILES "${CMAKE_CURRENT_LIST_DIR}/atomic.cmake"
          "${PROJECT_BINARY_DIR}/concurrent_futures-config.cmake"
          "${PROJECT_BINARY_DIR}/concurrent_futures-config-version.cmake"
    DESTINATION "${package_directory}"
)

# The prefix is where the file is found, so that the installation may be moved.
file(
    RELATIVE_PATH prefix_from_pkgconfig
    "${CMAKE_INSTALL_FULL_DATADIR}/pkgconfig"
    "${CMAKE_INSTALL_PREFIX}"
)
set(includedir_for_pkgconfig "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
if(IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
    set(includedir_for_pkgconfig "${CMAKE_INSTALL_INCLUDEDIR}")
endif()
configure_file(
    "${CMAKE_CURRENT_LIST_DIR}/concurrent_futures.pc.in" "${PROJECT_BINARY_DIR}/concurrent_futures.pc"
    @ONLY
)
install(FILES "${PROJECT_BINARY_DIR}/concurrent_futures.pc" DESTINATION "${CMAKE_INSTALL_DATADIR}/pkgconfig")
