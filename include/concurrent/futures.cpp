// SPDX-License-Identifier: MIT

// What is no template, compiled once for a whole program: see docs/installing.md.
#if !defined(CONCURRENT_FUTURES_COMPILED)
#error "define CONCURRENT_FUTURES_COMPILED for this file, and for all others that include the library"
#endif

#define CONCURRENT_FUTURES_DEFINITIONS
#include <concurrent/futures.hpp>
