// SPDX-License-Identifier: MIT

#include <concurrent/futures.hpp>
