# Runs vcpkg's port in WORK. vcpkg isn't here: its functions are stood in for by ones that check what they are given and do
# the same in small. So what is tested is that the port speaks of options, files and directories that there are.
set(CURRENT_PORT_DIR "${PROJECT}/cmake/ports/concurrent-futures")
set(CURRENT_PACKAGES_DIR "${WORK}/package")
set(PORT concurrent-futures)
file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${CURRENT_PACKAGES_DIR}")

function(expect file)
    if(NOT EXISTS "${file}")
        message(FATAL_ERROR "there is no ${file}")
    endif()
endfunction()

function(vcpkg_cmake_configure)
    cmake_parse_arguments(PARSE_ARGV 0 arg "" SOURCE_PATH OPTIONS)
    execute_process(
        COMMAND "${CMAKE_COMMAND}" -S "${arg_SOURCE_PATH}" -B "${WORK}/build" -G "${GENERATOR}"
                "-DCMAKE_MAKE_PROGRAM=${MAKE_PROGRAM}" "-DCMAKE_CXX_COMPILER=${COMPILER}"
                "-DCMAKE_INSTALL_PREFIX=${CURRENT_PACKAGES_DIR}" ${arg_OPTIONS}
        OUTPUT_QUIET
        ERROR_VARIABLE warnings COMMAND_ERROR_IS_FATAL ANY
    )
    if(warnings)
        message(FATAL_ERROR "${warnings}")  # of options that the project doesn't know
    endif()
endfunction()

function(vcpkg_cmake_install)
    execute_process(COMMAND "${CMAKE_COMMAND}" --install "${WORK}/build" OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
endfunction()

function(vcpkg_cmake_config_fixup)
    cmake_parse_arguments(PARSE_ARGV 0 arg "" "PACKAGE_NAME;CONFIG_PATH" "")
    expect("${CURRENT_PACKAGES_DIR}/${arg_CONFIG_PATH}/${arg_PACKAGE_NAME}-config.cmake")
endfunction()

function(vcpkg_fixup_pkgconfig)
    expect("${CURRENT_PACKAGES_DIR}/share/pkgconfig/concurrent_futures.pc")
endfunction()

function(vcpkg_install_copyright)
    cmake_parse_arguments(PARSE_ARGV 0 arg "" "" FILE_LIST)
    foreach(file IN LISTS arg_FILE_LIST)
        expect("${file}")
    endforeach()
endfunction()

include("${CURRENT_PORT_DIR}/portfile.cmake")
expect("${CURRENT_PACKAGES_DIR}/include/concurrent/futures.hpp")
expect("${CURRENT_PACKAGES_DIR}/share/concurrent-futures/usage")
file(READ "${CURRENT_PORT_DIR}/vcpkg.json" manifest)
string(JSON name GET "${manifest}" name)
if(NOT name STREQUAL PORT)
    message(FATAL_ERROR "vcpkg.json says that the port is ${name}")
endif()
