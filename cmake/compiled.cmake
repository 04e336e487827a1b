# The compiled part of concurrent::futures: what is no template is compiled here, and not by all who include it.
add_library(concurrent_futures_compiled STATIC "${PROJECT_SOURCE_DIR}/include/concurrent/futures.cpp")
set_target_properties(
    concurrent_futures_compiled
    PROPERTIES EXPORT_NAME futures_compiled
               OUTPUT_NAME concurrent_futures
               POSITION_INDEPENDENT_CODE ON
)
target_compile_features(concurrent_futures_compiled PUBLIC cxx_std_20)
target_compile_definitions(concurrent_futures_compiled PUBLIC CONCURRENT_FUTURES_COMPILED)
target_include_directories(
    concurrent_futures_compiled
    PRIVATE "${CONCURRENT_FUTURES_INCLUDE_DIRECTORY}"
)
target_link_libraries(concurrent_futures_compiled PUBLIC Threads::Threads)
