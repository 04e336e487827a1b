# What the toolchain files for Linux have in common: Debian's cross compiler, g++-<triple>, and an emulator of its
# package qemu-user, which runs programs on the compiler's own C library.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_CXX_COMPILER ${triple}-g++)

set(CMAKE_FIND_ROOT_PATH /usr/${triple})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

find_program(CONCURRENT_FUTURES_EMULATOR ${emulator})
mark_as_advanced(CONCURRENT_FUTURES_EMULATOR)
if(CONCURRENT_FUTURES_EMULATOR)
    set(CMAKE_CROSSCOMPILING_EMULATOR "${CONCURRENT_FUTURES_EMULATOR}" -L /usr/${triple})
endif()
