// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>      // std::size_t
#include <exception>    // std::exception_ptr
#include <memory>       // std::allocator, std::addressof
#include <type_traits>  // std::is_void_v
#include <utility>      // std::exchange
#include <variant>      // std::monostate

#include <concurrent/futures/log_handler.hpp>
#include <concurrent/futures/state/result_storage.hpp>
#include <concurrent/futures/task/task.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// `chunk_results` holds the results of the elements of one `map` task, up to the first exception. It is made
// in place as the task's result; an executor that sets promises moves it. One result, the usual number, needs
// no allocation.
template <class R>
class chunk_results {
public:
    // Calls `result_of` for each index below `count`, in order.
    template <class ResultOf>
    chunk_results(std::size_t count, ResultOf result_of) : capacity_(count) {
        try {
            results_ = count == 1 || std::is_void_v<R> ? std::addressof(single_) : allocate(count);
            for (; size_ != count; ++size_) {
                result_at(size_).emplace_from([&]() -> R { return result_of(size_); });
            }
        } catch (...) {
            exception_ = std::current_exception();
        }
    }

    chunk_results(chunk_results&& other) noexcept(!std::is_object_v<R> ||
                                                  std::is_nothrow_move_constructible_v<R>)
        requires(!std::is_object_v<R> || std::is_move_constructible_v<R>)
        : capacity_(other.capacity_) {
        if (other.results_ == std::addressof(other.single_)) {
            results_ = std::addressof(single_);
            for (; size_ != other.size_; ++size_) {
                result_at(size_).emplace_from([&]() -> R { return static_cast<R>(other[size_]); });
            }
        } else {
            results_ = std::exchange(other.results_, nullptr);
            size_ = std::exchange(other.size_, 0);
        }
        exception_ = std::exchange(other.exception_, nullptr);
    }
    chunk_results(const chunk_results&) = delete;
    chunk_results& operator=(chunk_results&&) = delete;

    ~chunk_results() {
        for (std::size_t index = 0; index != size_; ++index) {
            result_at(index).destroy();
        }
        if (results_ && results_ != std::addressof(single_)) {
            std::allocator<result_storage<R>>().deallocate(results_, capacity_);
        }
        if (exception_) {
            log("exception was never retrieved", exception_);
        }
    }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    // Returns the exception behind the results, or null. The caller has then looked at the exception.
    [[nodiscard]] std::exception_ptr take_exception() noexcept { return std::exchange(exception_, nullptr); }

    [[nodiscard]] decltype(auto) operator[](std::size_t index) noexcept {
        if constexpr (std::is_void_v<R>) {
            return std::monostate();
        } else if constexpr (std::is_reference_v<R>) {
            return result_at(index).get();
        } else {
            return std::move(result_at(index).get());
        }
    }

private:
    static result_storage<R>* allocate(std::size_t count) {
        result_storage<R>* const results = std::allocator<result_storage<R>>().allocate(count);
        for (std::size_t index = 0; index != count; ++index) {
            std::construct_at(results + index);
        }
        return results;
    }

    result_storage<R>& result_at(std::size_t index) noexcept {
        return results_[std::is_void_v<R> ? 0 : index];
    }

    const std::size_t capacity_;
    std::size_t size_ = 0;
    result_storage<R> single_;
    result_storage<R>* results_ = nullptr;
    std::exception_ptr exception_;
};

// A result may refer to an element that its task has read.
template <class R>
inline constexpr bool refers_to_captures<chunk_results<R>> = std::is_lvalue_reference_v<R>;

}}}  // namespace concurrent::futures::detail
