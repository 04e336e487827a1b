// SPDX-License-Identifier: MIT

#pragma once

//! \code
//! executor.submit([] {});
//! \endcode
void next();
