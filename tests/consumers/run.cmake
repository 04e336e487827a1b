# Configures, builds and runs the consumer WAY in WORK, as prepare.cmake has made it.
function(run)
    execute_process(COMMAND ${ARGN} OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE result)
    if(NOT result EQUAL 0)
        message(FATAL_ERROR "${ARGN}: ${result}\n${output}")
    endif()
    set(output "${output}" PARENT_SCOPE)
endfunction()

separate_arguments(flags UNIX_COMMAND "${FLAGS}")
separate_arguments(link_flags UNIX_COMMAND "${LINK_FLAGS}")
set(build "${WORK}/build of ${WAY}")
set(program "${build}/program")
file(REMOVE_RECURSE "${build}")
file(MAKE_DIRECTORY "${build}")
file(COPY "${WORK}/program.cpp" DESTINATION "${build}")

if(WAY STREQUAL "single_file")
    file(COPY "${WORK}/the sources/single_include/concurrent_futures.hpp" DESTINATION "${build}")
    file(READ "${build}/program.cpp" source)
    string(REPLACE "<concurrent/futures.hpp>" "\"concurrent_futures.hpp\"" source "${source}")
    file(WRITE "${build}/program.cpp" "${source}")
    run("${COMPILER}" ${flags} -std=c++20 -pthread "${build}/program.cpp" ${link_flags} -o "${program}")
elseif(WAY STREQUAL "pkg_config")
    set(ENV{PKG_CONFIG_PATH} "${WORK}/the prefix/share/pkgconfig")
    run("${PKG_CONFIG}" --cflags --libs "concurrent_futures = ${VERSION}")
    if(NOT output MATCHES "-pthread")
        message(FATAL_ERROR "no -pthread in ${output}")
    endif()
    # It escapes the spaces for a shell.
    separate_arguments(flags_of_library UNIX_COMMAND "${output}")
    run("${COMPILER}" ${flags} -std=c++20 "${build}/program.cpp" ${flags_of_library} ${link_flags} -o "${program}")
elseif(WAY STREQUAL "meson")
    # By a wrap file, which needs no network as its directory is there already.
    file(COPY "${CMAKE_CURRENT_LIST_DIR}/meson/" DESTINATION "${build}")
    file(RENAME "${build}/program.cpp" "${build}/the program.cpp")
    file(COPY "${WORK}/the sources/" DESTINATION "${build}/subprojects/concurrent_futures")
    file(COPY "${WORK}/the sources/cmake/ports/concurrent_futures.wrap" DESTINATION "${build}/subprojects")
    set(ENV{CXX} "${COMPILER}")
    run("${MESON}" setup "-Dcpp_args=${FLAGS}" "-Dcpp_link_args=${FLAGS} ${LINK_FLAGS}" "${build}/build" "${build}")
    run("${MESON}" compile -C "${build}/build")
    set(program "${build}/build/program")
else()
    run("${CMAKE_COMMAND}" -S "${CMAKE_CURRENT_LIST_DIR}/${WAY}" -B "${build}" -G "${GENERATOR}"
        "-DCMAKE_MAKE_PROGRAM=${MAKE_PROGRAM}" "-DCMAKE_CXX_COMPILER=${COMPILER}" "-DCMAKE_CXX_FLAGS=${FLAGS}"
        "-DCMAKE_EXE_LINKER_FLAGS=${LINK_FLAGS}"
        "-DCMAKE_PROJECT_INCLUDE=${CMAKE_CURRENT_LIST_DIR}/guest.cmake" "-DPROGRAM_SOURCE=${build}/program.cpp"
        "-DLIBRARY_DIRECTORY=${WORK}/the sources" "-DCMAKE_PREFIX_PATH=${WORK}/the prefix" "-DLIBRARY_VERSION=${VERSION}"
        --no-warn-unused-cli
    )
    run("${CMAKE_COMMAND}" --build "${build}")
endif()

run("${program}")
if(NOT output STREQUAL "the answer is 42\n")
    message(FATAL_ERROR "it wrote ${output}")
endif()
