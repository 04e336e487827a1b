include(CMakeFindDependencyMacro)
find_dependency(concurrent_futures)
include("${CMAKE_CURRENT_LIST_DIR}/answers-targets.cmake")
