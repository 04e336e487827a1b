// SPDX-License-Identifier: MIT

// See windows_first.cpp.

#include <concurrent/futures.hpp>

#include <windows.h>
