# What the tests and the examples of this project share. Nothing here concerns its users.

if(PROJECT_IS_TOP_LEVEL)
    get_property(multi_config GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
    if(NOT CMAKE_BUILD_TYPE AND NOT multi_config)
        set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug, Release, RelWithDebInfo or MinSizeRel" FORCE)
    endif()
endif()

# Without futexes, libstdc++ 12's own semaphores miss notifications, and so does a std::stop_callback that is destroyed
# while it runs.
if(MINGW)
    add_compile_definitions(_GLIBCXX_USE_POSIX_SEMAPHORE)
endif()

# A test program that runs longer prints the stacks of its threads and dies; ctest's own limit is there for what
# can't do that any more.
set(CONCURRENT_FUTURES_TIME_LIMIT 200 CACHE STRING "Seconds after which a test program counts as hanging")
math(EXPR CONCURRENT_FUTURES_TIME_LIMIT_OF_CTEST "${CONCURRENT_FUTURES_TIME_LIMIT} + 120")

# What runs a program that was built here: where that is for another machine, its emulator.
set(CONCURRENT_FUTURES_TEST_LAUNCHER ${CMAKE_CROSSCOMPILING_EMULATOR})
if(CMAKE_CROSSCOMPILING AND NOT CMAKE_CROSSCOMPILING_EMULATOR)
    message(STATUS "concurrent_futures: no emulator (Debian: qemu-user, wine), so tests are built but not run")
endif()
# ThreadSanitizer needs an address space laid out as it expects, which newer kernels do only when asked to.
if(CMAKE_CXX_FLAGS MATCHES "-fsanitize=[a-z,]*thread")
    find_program(CONCURRENT_FUTURES_SETARCH setarch)
    mark_as_advanced(CONCURRENT_FUTURES_SETARCH)
    if(CONCURRENT_FUTURES_SETARCH)
        execute_process(
            COMMAND "${CONCURRENT_FUTURES_SETARCH}" -R true
            RESULT_VARIABLE result
            OUTPUT_QUIET ERROR_QUIET
        )
        if(result EQUAL 0)
            set(CONCURRENT_FUTURES_TEST_LAUNCHER "${CONCURRENT_FUTURES_SETARCH}" -R)
        endif()
    endif()
endif()

if("${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_DEBUG}" MATCHES "--coverage")
    include("${PROJECT_SOURCE_DIR}/cmake/coverage.cmake")
endif()

function(concurrent_futures_enable_warnings target)
    if(MSVC)
        target_compile_options(${target} PRIVATE /W4 /permissive- $<$<BOOL:${CONCURRENT_FUTURES_WARNINGS_AS_ERRORS}>:/WX>)
    else()
        target_compile_options(
            ${target}
            PRIVATE -Wall -Wextra -Wpedantic -Wconversion -Wshadow
                    $<$<BOOL:${CONCURRENT_FUTURES_WARNINGS_AS_ERRORS}>:-Werror>
        )
    endif()
endfunction()

# concurrent_futures_replace_headers(<target> <include directory>...)
# Headers in the directories stand in the place of the library's. So the target compiles the library itself, even if it is
# compiled once for the others.
function(concurrent_futures_replace_headers target)
    target_include_directories(${target} BEFORE PRIVATE ${ARGN})
    target_compile_options(${target} PRIVATE -UCONCURRENT_FUTURES_COMPILED)
endfunction()

# What the calling directory's targets do is tested, not timed, so a Release build optimizes them little: they compile in two
# thirds of the time.
macro(concurrent_futures_optimize_little)
    if(NOT MSVC)
        add_compile_options($<$<CONFIG:Release>:-O1>)
    endif()
endmacro()

# concurrent_futures_link_compiled_part(<target>)
# leaves to one library what is no template, for all targets that call this: many small programs are built sooner so.
function(concurrent_futures_link_compiled_part target)
    if(NOT TARGET concurrent_futures_compiled)
        include("${PROJECT_SOURCE_DIR}/cmake/compiled.cmake")
    endif()
    target_link_libraries(${target} PRIVATE concurrent_futures_compiled)
endfunction()

# concurrent_futures_add_test(<name> <target or program> [<argument>...])
# is add_test with what every test here has: the launcher, if it is a target, and time limits.
function(concurrent_futures_add_test name command)
    if(CMAKE_CROSSCOMPILING AND NOT CMAKE_CROSSCOMPILING_EMULATOR)
        return()
    endif()
    if(TARGET ${command})
        set(command ${CONCURRENT_FUTURES_TEST_LAUNCHER} $<TARGET_FILE:${command}>)
    endif()
    add_test(NAME ${name} COMMAND ${command} ${ARGN})
    set_tests_properties(
        ${name}
        PROPERTIES TIMEOUT ${CONCURRENT_FUTURES_TIME_LIMIT_OF_CTEST}
                   ENVIRONMENT "CONCURRENT_FUTURES_TIME_LIMIT=${CONCURRENT_FUTURES_TIME_LIMIT}"
    )
    if(CONCURRENT_FUTURES_EMULATOR_START)
        set_tests_properties(${name} PROPERTIES FIXTURES_REQUIRED emulator)
    endif()
endfunction()

# concurrent_futures_add_script_test(<name> <target> <script> [<-Dvariable=value>...])
# tests by a CMake script, which runs the target's program: ${LAUNCHER} "${PROGRAM}", LAUNCHER being one string.
function(concurrent_futures_add_script_test name target script)
    list(JOIN CONCURRENT_FUTURES_TEST_LAUNCHER " " launcher)
    concurrent_futures_add_test(
        ${name}
        ${CMAKE_COMMAND} "-DLAUNCHER=${launcher}" "-DPROGRAM=$<TARGET_FILE:${target}>" ${ARGN}
        -P "${CMAKE_CURRENT_SOURCE_DIR}/${script}"
    )
endfunction()
