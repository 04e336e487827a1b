# 64-bit Windows, from Debian's g++-mingw-w64-x86-64-posix; programs run under its Wine.
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_CXX_COMPILER x86_64-w64-mingw32-g++-posix)
set(CMAKE_CXX_FLAGS_INIT "-g1 -gdwarf-4")  # what Wine's debugger reads, to show the stacks of a test that hangs
set(CMAKE_EXE_LINKER_FLAGS_INIT -static)  # Wine wouldn't find the compiler's DLLs

set(CMAKE_FIND_ROOT_PATH /usr/x86_64-w64-mingw32)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

find_program(CONCURRENT_FUTURES_EMULATOR wine)
find_program(CONCURRENT_FUTURES_EMULATOR_DEBUGGER winedbg)
mark_as_advanced(CONCURRENT_FUTURES_EMULATOR CONCURRENT_FUTURES_EMULATOR_DEBUGGER)
get_property(trying GLOBAL PROPERTY IN_TRY_COMPILE)
if(CONCURRENT_FUTURES_EMULATOR AND NOT trying)
    # Its Windows, which is made here: that takes seconds, and prints things.
    set(windows "${CMAKE_BINARY_DIR}/wine")
    set(in_windows "${CMAKE_COMMAND}" -E env "WINEPREFIX=${windows}" WINEDEBUG=-all)
    set(CMAKE_CROSSCOMPILING_EMULATOR ${in_windows} "${CONCURRENT_FUTURES_EMULATOR}")
    if(NOT EXISTS "${windows}")
        execute_process(COMMAND ${CMAKE_CROSSCOMPILING_EMULATOR} wineboot --init OUTPUT_QUIET ERROR_QUIET)
    endif()
    find_program(CONCURRENT_FUTURES_EMULATOR_SERVER wineserver)
    mark_as_advanced(CONCURRENT_FUTURES_EMULATOR_SERVER)
    # Left alone, Wine's server ends some seconds after the last program, and a program that starts just then fails. So
    # the tests begin with one that stays. Its services start with the first program and keep what that prints to open:
    # were it a test, its pipe would stay open too, and ctest would wait for its end.
    set(server "${CONCURRENT_FUTURES_EMULATOR_SERVER}")
    set(CONCURRENT_FUTURES_EMULATOR_START ${in_windows} sh -c
        "exec > /dev/null 2>&1 && ('${server}' -k && '${server}' -w || true) && '${server}' -p && exec '${CONCURRENT_FUTURES_EMULATOR}' wineboot"
    )
    set(CONCURRENT_FUTURES_EMULATOR_END ${in_windows} "${server}" -k)
endif()
