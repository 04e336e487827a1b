# A directory in the place of include/, in which each header includes the single header and nothing else: so whatever
# uses the library uses the single header without knowing it.
file(
    GLOB_RECURSE headers CONFIGURE_DEPENDS
    RELATIVE "${PROJECT_SOURCE_DIR}/include"
    "${PROJECT_SOURCE_DIR}/include/*.hpp"
)
set(CONCURRENT_FUTURES_INCLUDE_DIRECTORY "${PROJECT_BINARY_DIR}/single_include")
set(single_header "${PROJECT_SOURCE_DIR}/single_include/concurrent_futures.hpp")
foreach(header IN LISTS headers)
    file(CONFIGURE OUTPUT "${CONCURRENT_FUTURES_INCLUDE_DIRECTORY}/${header}" CONTENT "#include \"@single_header@\"\n" @ONLY)
endforeach()
