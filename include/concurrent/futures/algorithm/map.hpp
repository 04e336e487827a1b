// SPDX-License-Identifier: MIT

#pragma once

#include <algorithm>    // std::max
#include <concepts>     // std::invocable
#include <cstddef>      // std::size_t, std::ptrdiff_t
#include <deque>        // std::deque, std::erase_if
#include <exception>    // std::exception_ptr
#include <iterator>     // std::input_iterator_tag, std::default_sentinel_t
#include <memory>       // std::shared_ptr, std::unique_ptr, std::addressof
#include <optional>     // std::optional
#include <stdexcept>    // std::invalid_argument
#include <type_traits>  // std::invoke_result_t, std::remove_cvref_t
#include <utility>      // std::move, std::exchange, std::declval

#include <concurrent/futures/algorithm/chunk_results.hpp>
#include <concurrent/futures/algorithm/map_input.hpp>
#include <concurrent/futures/error.hpp>
#include <concurrent/futures/future/copyable.hpp>
#include <concurrent/futures/future/future.hpp>
#include <concurrent/futures/future/launch.hpp>
#include <concurrent/futures/state/await.hpp>
#include <concurrent/futures/timeout.hpp>

namespace concurrent::futures { inline namespace v0_1 {

/// How an executor's `map` works.
///
/// \code
/// long sum = 0;
/// auto twice = [](int x) { return 2 * x; };
/// for (int doubled : executor.map({.auto_chunksize = true}, twice, std::views::iota(0, 1000)))
///     sum += doubled;
/// assert(sum == 999'000);
/// \endcode
struct map_options {
    /// How long, from the call of `map`, its results may take.
    futures::timeout timeout = {};
    /// How many tasks are submitted and not consumed at most; by default all are submitted at once.
    std::optional<std::ptrdiff_t> buffersize = {};
    /// How many elements a task takes.
    std::ptrdiff_t chunksize = 1;
    /// Instead of `chunksize`: as many as give each worker about four tasks. For CPU-bound loops over a range
    /// that knows its size; else `chunksize` holds.
    bool auto_chunksize = false;
};

/// The input range of a function's results that `map` returns. Movable, not copyable; one thread's at a time.
///
/// Dereferencing its iterator gives a result as an rvalue, which may be moved from; a reference that the
/// function returned as it is; `std::monostate` for void. To destroy it midway, after `begin()`, cancels what
/// has not started, and waits for what runs; so what a view refers to must outlive the results, but no more.
/// If it was never iterated, all that was submitted runs, and nobody waits for it.
///
/// \code
/// auto results = executor.map([](int x) { return std::to_string(x); }, std::vector{1, 2});
/// std::string all;
/// for (std::string each : results)
///     all += each;
/// assert(all == "12");
/// \endcode
template <class Result, class Pool, class Cutter>
class map_results {
    struct body;

public:
    class iterator;

    /// For executors, whose `map` makes it.
    map_results(std::shared_ptr<Pool> pool, Cutter cutter, const map_options& options)
        : body_(std::make_unique<body>(std::move(pool), std::move(cutter), options)) {}

    /// The first time, waits for the first result, and throws as the increment does; later, is where the
    /// iteration is. What it returned before is not to be used any more.
    [[nodiscard]] iterator begin() {
        if (!body_->begun) {
            body_->begun = true;
            body_->find_results();
        }
        return iterator(*body_);
    }
    /// Where the iteration ends.
    [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

private:
    using chunk = detail::chunk_results<Result>;

    // Stays where it is when the range is moved.
    struct body {
        body(std::shared_ptr<Pool> its_pool, Cutter its_cutter, const map_options& options)
            : until(options.timeout.start()),
              pool(std::move(its_pool)),
              cutter(std::move(its_cutter)),
              buffersize(options.buffersize),
              chunksize(chunksize_for(options)) {
            try {
                refill();
            } catch (...) {
                wait_for_running();
                throw;
            }
        }

        // As in Python, results that nobody ever asked for stop nothing.
        ~body() {
            if (begun) {
                cancel();
                wait_for_running();
            }
        }

        body(const body&) = delete;
        body& operator=(const body&) = delete;

        std::size_t chunksize_for(const map_options& options) const {
            if (options.auto_chunksize) {
                if (const std::optional<std::size_t> size = cutter.size()) {
                    // Divides twice, as the product of both divisors need not fit into a std::size_t.
                    const auto share = [](std::size_t whole, std::size_t shares) {
                        return whole / shares + (whole % shares != 0 ? 1 : 0);
                    };
                    return std::max<std::size_t>(1, share(share(*size, pool->max_workers()), 4));
                }
            }
            return static_cast<std::size_t>(options.chunksize);
        }

        // Submits as many tasks as may be.
        void refill() {
            try {
                while ((!buffersize || tasks.size() < static_cast<std::size_t>(*buffersize)) &&
                       cutter.more()) {
                    // First the room, so that no task runs that nobody knows of.
                    tasks.emplace_back();
                    tasks.back() = detail::launch(*pool, 0, cutter.cut(chunksize));
                }
            } catch (...) {
                cancel();
                throw;
            }
        }

        // The results of the first task were all looked at. False: `failure` is to be thrown.
        //
        // A call that can't throw, as the loop over results in which it stands has something to destroy:
        // across a call that can, GCC 12 keeps no floating-point number in a register, such as a sum of the
        // results.
        [[gnu::noinline]] bool next_chunk() noexcept {
            try {
                pop_chunk();
                find_results();
                return true;
            } catch (...) {
                failure = std::current_exception();
                return false;
            }
        }

        [[noreturn]] void throw_failure() { std::rethrow_exception(std::exchange(failure, nullptr)); }

        void pop_chunk() {
            rethrow(std::exchange(current, nullptr)->take_exception());
            index = 0;
            tasks.pop_front();
            refill();
        }

        // Makes the results of the first task that has any current; or none, at the end.
        void find_results() {
            while (!current && !tasks.empty()) {
                current = std::addressof(wait_for_first());
                if (current->size() == 0) {
                    pop_chunk();
                }
            }
        }

        chunk& wait_for_first() {
            detail::shared_state<chunk>& state = detail::future_access::state(tasks.front());
            if (!detail::await(state, until)) {
                cancel();
                throw timeout_error("the map's next result was not there within the timeout");
            }
            if (state.state() == future_state::cancelled) {
                cancel();
                throw cancelled_error("a task of the map was cancelled");
            }
            if (state.exception()) {
                state.mark_exception_as_looked_at();
                rethrow(state.exception());
            }
            return state.result().get();
        }

        // By value: to cancel destroys the task's own.
        void rethrow(std::exception_ptr exception) {
            if (exception) {
                cancel();
                std::rethrow_exception(std::move(exception));
            }
        }

        // There are no more results.
        void cancel() noexcept {
            current = nullptr;
            index = 0;
            std::erase_if(tasks, [](const Future<chunk>& task) {
                return !task.valid() || task.cancel() || task.done();
            });
            if (!tasks.empty()) {
                running.swap(tasks);
            }
        }

        // They use the ranges, which may be views of what is destroyed next.
        void wait_for_running() noexcept {
            for (const Future<chunk>& task : running) {
                detail::await_if_it_ends(detail::future_access::state(task));
            }
        }

        const detail::deadline until;
        const std::shared_ptr<Pool> pool;
        Cutter cutter;
        const std::optional<std::ptrdiff_t> buffersize;
        const std::size_t chunksize;
        std::deque<Future<chunk>> tasks;    // submitted and not consumed, in the order of the input
        std::deque<Future<chunk>> running;  // those of them that could not be cancelled, at the end
        chunk* current = nullptr;           // the results of the first of them, once they are there
        std::size_t index = 0;
        std::exception_ptr failure;
        bool begun = false;
    };

    std::unique_ptr<body> body_;
};

/// An input iterator. Its increment waits for the next result.
///
/// \throws what the function threw for it, or timeout_error; then there are no more results
template <class Result, class Pool, class Cutter>
class map_results<Result, Pool, Cutter>::iterator {
public:
    /// What makes it an input iterator.
    ///@{
    using iterator_concept = std::input_iterator_tag;
    using iterator_category = std::input_iterator_tag;
    using reference = decltype(std::declval<chunk&>()[0]);
    using value_type = std::remove_cvref_t<reference>;
    using difference_type = std::ptrdiff_t;
    using pointer = void;
    ///@}

    /// Movable, not copyable.
    ///@{
    iterator(iterator&&) noexcept = default;
    iterator& operator=(iterator&&) noexcept = default;
    ///@}

    /// The result, which may be moved from.
    reference operator*() const noexcept { return (*chunk_)[index_]; }
    /// Waits for the next result, and throws what the function threw instead.
    iterator& operator++() {
        if (++index_ != count_) {
            body_->index = index_;
        } else {
            chunk_ = nullptr;  // where it stays if the next throws
            if (!body_->next_chunk()) {
                body_->throw_failure();
            }
            enter_chunk();
        }
        return *this;
    }
    /// The same.
    void operator++(int) { ++*this; }

    /// Whether there are no more results.
    friend bool operator==(const iterator& self, std::default_sentinel_t) noexcept { return !self.chunk_; }

private:
    friend class map_results;

    explicit iterator(body& its_body) : body_(&its_body) { enter_chunk(); }

    void enter_chunk() noexcept {
        chunk_ = body_->current;
        index_ = body_->index;
        count_ = chunk_ ? chunk_->size() : 0;
    }

    // The place is kept here too, and so in registers: to count up in memory would take longer than to add up
    // results that are there.
    body* body_;
    chunk* chunk_ = nullptr;
    std::size_t index_ = 0;
    std::size_t count_ = 0;
};

namespace detail {

template <class Argument>
concept mappable =
    requires { typename mapped_range<Argument>; } && std::ranges::input_range<mapped_range<Argument>>;

// Whether it can be copied or moved in. A container has a copy constructor even if its elements have none.
template <class Argument>
constexpr bool is_keepable() {
    using range = std::remove_reference_t<Argument>;
    constexpr bool is_copied = std::is_lvalue_reference_v<Argument> || std::is_const_v<range>;
    if constexpr (std::is_array_v<range> || (is_copied && requires { typename range::allocator_type; })) {
        using element = std::ranges::range_value_t<range>;
        return is_copied ? futures::is_copyable<element> : std::is_move_constructible_v<element>;
    } else {
        return std::is_constructible_v<std::decay_t<Argument>, Argument>;
    }
}

template <class... Arguments>
concept keepable = (is_keepable<Arguments>() && ...);

template <class Fn, class... Arguments>
concept mappable_with = std::invocable<std::decay_t<Fn>&, map_argument<mapped_range<Arguments>>...>;

// Not inlined: there GCC 12 with -O1 warns that the `buffersize` of options that have none is uninitialized.
#if defined(__GNUC__)
__attribute__((noinline))
#endif
inline void
throw_if_wrong(const map_options& options) {
    if (options.buffersize && *options.buffersize < 1) {
        throw std::invalid_argument("buffersize must be at least 1");
    }
    if (options.chunksize < 1) {
        throw std::invalid_argument("chunksize must be at least 1");
    }
}

// An executor's `map`, on its pool.
template <class Pool, class Fn, class... Arguments>
auto map(std::shared_ptr<Pool> pool, const map_options& options, Fn&& fn, Arguments&&... ranges) {
    static_assert(sizeof...(Arguments) != 0, "map(fn, ranges...): it needs at least one range");
    static_assert((mappable<Arguments> && ...),
                  "map(fn, ranges...): each argument after the function must be an input range");
    if constexpr (sizeof...(Arguments) != 0 && (mappable<Arguments> && ...)) {
        static_assert(keepable<Arguments...>,
                      "map(fn, ranges...): a range is copied, and this one can't be: pass it by std::move or "
                      "std::ref");
        static_assert(mappable_with<Fn, Arguments...>,
                      "map(fn, ranges...): fn can't be called with one element of each range");
        if constexpr (keepable<Arguments...> && mappable_with<Fn, Arguments...>) {
            throw_if_wrong(options);
            using result = kept_result_t<
                std::invoke_result_t<std::decay_t<Fn>&, map_argument<mapped_range<Arguments>>...>>;
            using input = map_input<std::decay_t<Fn>, typename kept_range<Arguments>::type...>;
            using cutter = map_cutter<result, input, mapped_range<Arguments>...>;
            return map_results<result, Pool, cutter>(
                std::move(pool),
                cutter(std::make_shared<input>(std::forward<Fn>(fn), std::forward<Arguments>(ranges)...)),
                options);
        }
    }
}

}  // namespace detail
}}  // namespace concurrent::futures
