# The target `coverage`: how much of include/ the tests have run since the last time it was built. Build it after ctest;
# it fails if that is less than it should be.
find_program(CONCURRENT_FUTURES_GCOVR gcovr)
mark_as_advanced(CONCURRENT_FUTURES_GCOVR)
if(NOT CONCURRENT_FUTURES_GCOVR)
    message(STATUS "concurrent_futures: no gcovr (Debian: gcovr), so there is no target coverage")
    return()
endif()
add_custom_target(
    coverage
    COMMAND
        "${CONCURRENT_FUTURES_GCOVR}" --root "${PROJECT_SOURCE_DIR}" --filter "${PROJECT_SOURCE_DIR}/include/"
        # A branch that an exception takes out of an expression is the compiler's, not the reader's.
        --exclude-throw-branches --exclude-unreachable-branches --delete
        --txt --print-summary --fail-under-line 95
        "${PROJECT_BINARY_DIR}"
    USES_TERMINAL VERBATIM
)
