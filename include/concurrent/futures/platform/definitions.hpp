// SPDX-License-Identifier: MIT

#pragma once

// Which translation units define the functions that are no templates, and that no fast path should inline:
// CONCURRENT_FUTURES_FUNCTION begins the definition of each. By default every unit does: the library consists
// of headers. If all units of a program define CONCURRENT_FUTURES_COMPILED, one of them does it for all, the
// one that defines CONCURRENT_FUTURES_DEFINITIONS too. See docs/installing.md.
//
// Of a virtual function, it begins the declaration instead: else each unit would have the class's table of
// virtual functions, and so all of these.
//
// That unit also instantiates the templates for the queues of the library: CONCURRENT_FUTURES_TEMPLATE begins
// the instantiation, or what says that it is elsewhere.
//
// What has static variables is inline all the same, so that all shared libraries of a program share these.

#if !defined(CONCURRENT_FUTURES_COMPILED)
#define CONCURRENT_FUTURES_DEFINES
#define CONCURRENT_FUTURES_FUNCTION [[gnu::noinline]] inline
#elif defined(CONCURRENT_FUTURES_DEFINITIONS)
#define CONCURRENT_FUTURES_DEFINES
#define CONCURRENT_FUTURES_FUNCTION [[gnu::noinline]]
#define CONCURRENT_FUTURES_TEMPLATE template
#else
#define CONCURRENT_FUTURES_FUNCTION
#define CONCURRENT_FUTURES_TEMPLATE extern template
#endif
