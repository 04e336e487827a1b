// SPDX-License-Identifier: MIT

#pragma once

#include <concepts>  // std::same_as

#include <concurrent/futures/executor/options.hpp>
#include <concurrent/futures/future/future.hpp>

namespace concurrent::futures { inline namespace v0_1 {

/// An `executor` runs tasks and gives futures for them: a `thread_pool_executor` of any queue, or one of your
/// own. Use it in signatures: `void crawl(futures::executor auto& executor)`.
///
/// \code
/// auto answer_by = [](futures::executor auto& any) { return any.submit([] { return 42; }); };
/// assert(answer_by(executor).result() == 42);
/// \endcode
template <class E>
concept executor = requires(E& each, int (*task)(), shutdown_options options) {
    { each.submit(task) } -> std::same_as<Future<int>>;
    each.shutdown();
    each.shutdown(options);
};

}}  // namespace concurrent::futures
