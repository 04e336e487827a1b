#pragma once

/// \code
/// executor.submit([] {});

/// What comes next.
void next();
