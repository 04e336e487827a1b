# What `cmake --install` puts where, for find_package(concurrent_futures) and pkg-config. The library is headers only, so
# one installation serves every architecture, unless CONCURRENT_FUTURES_COMPILED.
#
# A project that takes this one in can export targets which link it: it is in an export set of its own, also where
# nothing of it is to be installed.
include(CMakePackageConfigHelpers)

# As of GNUInstallDirs, which is not included here: it would fill the cache of a project that takes this one in.
set(include_directory "${CMAKE_INSTALL_INCLUDEDIR}")
if(NOT include_directory)
    set(include_directory include)
endif()
set(data_directory "${CMAKE_INSTALL_DATADIR}")
if(NOT data_directory)
    set(data_directory "${CMAKE_INSTALL_DATAROOTDIR}")
endif()
if(NOT data_directory)
    set(data_directory share)
endif()
set(library_directory "${CMAKE_INSTALL_LIBDIR}")
if(NOT library_directory)
    set(library_directory lib)
endif()
set(doc_directory "${data_directory}/doc/concurrent_futures")
if(PROJECT_IS_TOP_LEVEL AND CMAKE_INSTALL_DOCDIR)
    set(doc_directory "${CMAKE_INSTALL_DOCDIR}")
endif()

set(rule COMPONENT concurrent_futures)
if(NOT CONCURRENT_FUTURES_INSTALL)
    list(APPEND rule EXCLUDE_FROM_ALL)
endif()

target_include_directories(concurrent_futures INTERFACE "$<INSTALL_INTERFACE:${include_directory}>")

install(
    DIRECTORY "${PROJECT_SOURCE_DIR}/include/"
    DESTINATION "${include_directory}" ${rule}
    FILES_MATCHING
    PATTERN "*.hpp"
    PATTERN "*.cpp"
    PATTERN "*.cppm"
    PATTERN debugger EXCLUDE
)
install(
    FILES "${PROJECT_SOURCE_DIR}/single_include/concurrent_futures.hpp" DESTINATION "${include_directory}" ${rule}
)
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${doc_directory}" ${rule})
install(
    DIRECTORY "${PROJECT_SOURCE_DIR}/include/concurrent/futures/debugger/"
    DESTINATION "${data_directory}/concurrent_futures" ${rule}
)
install(TARGETS concurrent_futures EXPORT concurrent_futures)
set(package_directory "${data_directory}/cmake/concurrent_futures")
set(pkgconfig_directory "${data_directory}/pkgconfig")
set(serves ARCH_INDEPENDENT)
if(CONCURRENT_FUTURES_COMPILED)
    install(
        TARGETS concurrent_futures_compiled
        EXPORT concurrent_futures
        ARCHIVE DESTINATION "${library_directory}" ${rule}
    )
    set(package_directory "${library_directory}/cmake/concurrent_futures")
    set(pkgconfig_directory "${library_directory}/pkgconfig")
    set(serves)
endif()

install(
    EXPORT concurrent_futures
    NAMESPACE concurrent::
    FILE concurrent_futures-targets.cmake
    DESTINATION "${package_directory}" ${rule}
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
    ${serves}
)
install(
    FILES "${CMAKE_CURRENT_LIST_DIR}/atomic.cmake"
          "${PROJECT_BINARY_DIR}/concurrent_futures-config.cmake"
          "${PROJECT_BINARY_DIR}/concurrent_futures-config-version.cmake"
    DESTINATION "${package_directory}" ${rule}
)

# The build directory is a package too, for who exports from theirs.
export(
    EXPORT concurrent_futures
    NAMESPACE concurrent::
    FILE "${PROJECT_BINARY_DIR}/concurrent_futures-targets.cmake"
)
configure_file("${CMAKE_CURRENT_LIST_DIR}/atomic.cmake" "${PROJECT_BINARY_DIR}/atomic.cmake" COPYONLY)

# The prefix is where the file is found, so that the installation may be moved.
cmake_path(
    ABSOLUTE_PATH pkgconfig_directory
    BASE_DIRECTORY "${CMAKE_INSTALL_PREFIX}"
    OUTPUT_VARIABLE full_pkgconfig_directory
)
file(RELATIVE_PATH prefix_from_pkgconfig "${full_pkgconfig_directory}" "${CMAKE_INSTALL_PREFIX}")
foreach(kind IN ITEMS include library)
    set(${kind}_directory_for_pkgconfig "\${prefix}/${${kind}_directory}")
    if(IS_ABSOLUTE "${${kind}_directory}")
        set(${kind}_directory_for_pkgconfig "${${kind}_directory}")
    endif()
endforeach()
set(flags_for_pkgconfig "-I\${includedir} -pthread")
set(libraries_for_pkgconfig -pthread)
if(CONCURRENT_FUTURES_COMPILED)
    string(PREPEND flags_for_pkgconfig "-DCONCURRENT_FUTURES_COMPILED ")
    set(libraries_for_pkgconfig "-L${library_directory_for_pkgconfig} -lconcurrent_futures -pthread")
endif()
configure_file(
    "${CMAKE_CURRENT_LIST_DIR}/concurrent_futures.pc.in" "${PROJECT_BINARY_DIR}/concurrent_futures.pc"
    @ONLY
)
install(FILES "${PROJECT_BINARY_DIR}/concurrent_futures.pc" DESTINATION "${pkgconfig_directory}" ${rule})
