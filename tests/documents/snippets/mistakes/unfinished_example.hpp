// SPDX-License-Identifier: MIT

#pragma once

/// \code
/// executor.submit([] {});

/// What comes next.
void next();
