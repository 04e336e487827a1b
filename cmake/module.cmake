# The target concurrent::futures_module, for `import concurrent.futures;`: of the projects that take this one in by
# add_subdirectory() or FetchContent. What is installed is the interface's source, to be built beside what imports it.
if(CMAKE_VERSION VERSION_LESS 3.28)
    message(FATAL_ERROR "CONCURRENT_FUTURES_BUILD_MODULE needs CMake 3.28 or newer, and Ninja or Visual Studio")
endif()
add_library(concurrent_futures_module STATIC)
add_library(concurrent::futures_module ALIAS concurrent_futures_module)
target_sources(
    concurrent_futures_module
    PUBLIC FILE_SET CXX_MODULES
           BASE_DIRS "${PROJECT_SOURCE_DIR}/include"
           FILES "${PROJECT_SOURCE_DIR}/include/concurrent/futures.cppm"
)
target_link_libraries(concurrent_futures_module PUBLIC concurrent_futures)
