#pragma once

//! \code
//! executor.submit([] {});
//! \endcode
void next();
