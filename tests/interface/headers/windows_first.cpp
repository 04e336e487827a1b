// SPDX-License-Identifier: MIT

// The library's headers go with <windows.h>, whichever comes first.

#include <windows.h>

#include <concurrent/futures.hpp>
