# Makes, in WORK, what the consumers take the library from: a copy of its sources, and an installation, both in a path
# with spaces.
file(REMOVE_RECURSE "${WORK}")
file(
    COPY "${LIBRARY}/CMakeLists.txt" "${LIBRARY}/LICENSE" "${LIBRARY}/cmake" "${LIBRARY}/include" "${LIBRARY}/single_include"
         "${LIBRARY}/meson.build"
    DESTINATION "${WORK}/the sources"
)
file(COPY "${CMAKE_CURRENT_LIST_DIR}/program.cpp" DESTINATION "${WORK}")
execute_process(
    COMMAND "${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${WORK}/first prefix"
    OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY
)
# It may be moved.
file(RENAME "${WORK}/first prefix" "${WORK}/the prefix")

foreach(
    file IN ITEMS
    include/concurrent/futures.hpp include/concurrent/futures.cppm include/concurrent_futures.hpp share/cmake/concurrent_futures/concurrent_futures-config.cmake
    share/pkgconfig/concurrent_futures.pc share/doc/concurrent_futures/LICENSE
    share/concurrent_futures/gdb_printers.py share/concurrent_futures/concurrent_futures.natvis
)
    if(NOT EXISTS "${WORK}/the prefix/${file}")
        message(FATAL_ERROR "the installation has no ${file}")
    endif()
endforeach()
