# Configures, builds and runs the consumer WAY in WORK, as prepare.cmake has made it.
function(run)
    execute_process(COMMAND ${ARGN} OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE result)
    if(NOT result EQUAL 0)
        message(FATAL_ERROR "${ARGN}: ${result}\n${output}")
    endif()
    set(output "${output}" PARENT_SCOPE)
endfunction()

# configure_project(<directory> <build directory> [<argument>...])
function(configure_project directory build)
    run("${CMAKE_COMMAND}" -S "${directory}" -B "${build}" -G "${GENERATOR}"
        "-DCMAKE_MAKE_PROGRAM=${MAKE_PROGRAM}" "-DCMAKE_CXX_COMPILER=${COMPILER}" "-DCMAKE_CXX_FLAGS=${FLAGS}"
        "-DCMAKE_EXE_LINKER_FLAGS=${LINK_FLAGS}" "-DLIBRARY_DIRECTORY=${WORK}/the sources"
        --no-warn-unused-cli ${ARGN}
    )
endfunction()

# configure(<directory> <build directory> [<argument>...]): the same for a directory beside this file.
function(configure directory)
    configure_project("${CMAKE_CURRENT_FUNCTION_LIST_DIR}/${directory}" ${ARGN})
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
elseif(WAY STREQUAL "compiled_by_hand")
    set(include "${WORK}/the sources/include")
    set(command "${COMPILER}" ${flags} -std=c++20 -pthread -DCONCURRENT_FUTURES_COMPILED "-I${include}" "${build}/program.cpp")
    run(${command} "${include}/concurrent/futures.cpp" ${link_flags} -o "${program}")
    # A unit has only what depends on its types.
    execute_process(COMMAND ${command} ${link_flags} -o "${program}_alone" ERROR_VARIABLE error RESULT_VARIABLE result)
    if(result EQUAL 0 OR NOT error MATCHES "thread_pool_executor")
        message(FATAL_ERROR "the program without futures.cpp was to lack functions: ${error}")
    endif()
elseif(WAY STREQUAL "compiled")
    configure_project(
        "${WORK}/the sources" "${build}/library"
        -DCONCURRENT_FUTURES_COMPILED=ON -DCONCURRENT_FUTURES_BUILD_TESTS=OFF -DCONCURRENT_FUTURES_BUILD_EXAMPLES=OFF
    )
    run("${CMAKE_COMMAND}" --build "${build}/library")
    run("${CMAKE_COMMAND}" --install "${build}/library" --prefix "${build}/first prefix")
    file(RENAME "${build}/first prefix" "${build}/prefix")
    configure(
        find_package "${build}/user"
        "-DCMAKE_PROJECT_INCLUDE=${CMAKE_CURRENT_LIST_DIR}/guest.cmake" "-DPROGRAM_SOURCE=${build}/program.cpp"
        "-DCMAKE_PREFIX_PATH=${build}/prefix" "-DLIBRARY_VERSION=${VERSION}"
    )
    run("${CMAKE_COMMAND}" --build "${build}/user")
    set(program "${build}/user/program")
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
elseif(WAY MATCHES "^exported_by_(.*)$")
    # Configures a third project, which finds a library that has taken the library in by itself.
    function(configure_user name)
        configure(of_exporting_library "${build}/${name}" ${ARGN})
    endfunction()

    set(exporting "${build}/exporting library")
    set(prefix "${build}/prefix")
    if(CMAKE_MATCH_1 STREQUAL "add_subdirectory")
        configure(exporting_library "${exporting}" -DTAKE=add_subdirectory)
    else()
        # Not to be installed with it: it is there already.
        configure(exporting_library "${exporting}" -DTAKE=fetch_content -DCONCURRENT_FUTURES_INSTALL=OFF)
    endif()
    run("${CMAKE_COMMAND}" --build "${exporting}")
    run("${CMAKE_COMMAND}" --install "${exporting}" --prefix "${prefix}")
    if(CMAKE_MATCH_1 STREQUAL "add_subdirectory")
        configure_user(user "-DCMAKE_PREFIX_PATH=${prefix}")
        configure_user("user of the build" "-Danswers_DIR=${exporting}" "-Dconcurrent_futures_DIR=${exporting}/library")
    else()
        if(EXISTS "${prefix}/include/concurrent")
            message(FATAL_ERROR "the library was installed, though CONCURRENT_FUTURES_INSTALL is OFF")
        endif()
        configure_user(
            user "-DCMAKE_PREFIX_PATH=${prefix}"
            "-Dconcurrent_futures_DIR=${WORK}/the prefix/share/cmake/concurrent_futures"
        )
    endif()
    run("${CMAKE_COMMAND}" --build "${build}/user")
    set(program "${build}/user/program")
else()
    configure(
        ${WAY} "${build}"
        "-DCMAKE_PROJECT_INCLUDE=${CMAKE_CURRENT_LIST_DIR}/guest.cmake" "-DPROGRAM_SOURCE=${build}/program.cpp"
        "-DCMAKE_PREFIX_PATH=${WORK}/the prefix" "-DLIBRARY_VERSION=${VERSION}"
    )
    run("${CMAKE_COMMAND}" --build "${build}")
endif()

run("${program}")
if(NOT output STREQUAL "the answer is 42\n")
    message(FATAL_ERROR "it wrote ${output}")
endif()
