// SPDX-License-Identifier: MIT

#pragma once

#include <concurrent/futures.hpp>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

namespace futures = concurrent::futures;

// Returns the future of `fn(value of source)`. `executor` runs `fn`, and must exist until `source` is done.
template <class T, class Fn>
auto own_then(const futures::Future<T>& source, futures::executor auto& executor, Fn fn) {
    const auto failure = std::make_shared<std::exception_ptr>();  // of `source`, or of `submit`
    auto packaged = futures::package([source, failure, fn = std::move(fn)]() mutable -> decltype(auto) {
        if (*failure) {
            std::rethrow_exception(*failure);
        } else if constexpr (std::is_void_v<T>) {
            return fn();
        } else {
            return fn(source.result());
        }
    });
    const auto task = std::make_shared<futures::packaged_task>(std::move(packaged.task));
    source.add_done_callback([&executor, failure, task, next = packaged.future](const auto& done) {
        if (done.cancelled()) {
            next.cancel();
        } else if (!(*failure = done.exception())) {
            try {
                return static_cast<void>(executor.submit([task] { (*task)(); }));
            } catch (...) {
                *failure = std::current_exception();
            }
        }
        (*task)();  // fails, or does nothing if `next` is cancelled
    });
    return packaged.future;
}
