// SPDX-License-Identifier: MIT

#pragma once

#include <concepts>     // std::invocable
#include <cstddef>      // std::size_t, std::ptrdiff_t
#include <exception>    // std::exception_ptr
#include <iterator>     // std::input_iterator_tag, std::default_sentinel_t
#include <memory>       // std::shared_ptr, std::unique_ptr, std::addressof
#include <optional>     // std::optional
#include <stdexcept>    // std::invalid_argument
#include <type_traits>  // std::invoke_result_t, std::remove_cvref_t
#include <utility>      // std::move, std::exchange, std::declval
#include <vector>       // std::vector, std::erase_if

#include <concurrent/futures/algorithm/chunk_results.hpp>
#include <concurrent/futures/algorithm/map_input.hpp>
#include <concurrent/futures/error.hpp>
#include <concurrent/futures/future/copyable.hpp>
#include <concurrent/futures/future/future.hpp>
#include <concurrent/futures/state/await.hpp>
#include <concurrent/futures/timeout.hpp>

namespace concurrent::futures { inline namespace v0_1 {

/// `map_options` say how an executor's `map` works.
///
/// \code
/// long sum = 0;
/// auto twice = [](int x) { return 2 * x; };
/// for (int doubled : executor.map({.auto_chunksize = true}, twice, std::views::iota(0, 1000)))
///     sum += doubled;
/// assert(sum == 999'000);
/// \endcode
struct map_options {
    /// The results may take this long, counted from the call of `map`.
    futures::timeout timeout = {};
    /// At most this many tasks are submitted and not consumed. By default, `map` submits all at once.
    std::optional<std::ptrdiff_t> buffersize = {};
    /// Each task takes this many elements.
    std::ptrdiff_t chunksize = 1;
    /// If true, `map` chooses a `chunksize` that gives each worker about four tasks. Use it for CPU-bound
    /// loops over a range that knows its size; over other ranges `chunksize` holds.
    bool auto_chunksize = false;
};

namespace detail {

// `map_body` is the part of a running map that doesn't depend on the function, the ranges and the executor.
// It stays where it is when the range of results is moved.
template <class T>
class map_body {
public:
    using chunk = chunk_results<T>;

    map_body(const map_body&) = delete;
    map_body& operator=(const map_body&) = delete;
    virtual ~map_body() = default;

    void begin() {
        if (!begun_) {
            begun_ = true;
            find_results();
        }
    }

    // The iteration is in these results of the first task; null at the end.
    [[nodiscard]] chunk* current() const noexcept { return current_; }
    [[nodiscard]] std::size_t index() const noexcept { return index_; }
    void set_index(std::size_t index) noexcept { index_ = index; }

    // Moves to the results of the next task. Requires: the iteration has passed all results of the first
    // task. If this returns false, the caller must call `throw_failure`.
    //
    // This call must not throw: across a call that can, GCC 12 keeps no floating-point number, such as a sum
    // of the results, in a register if the loop has something to destroy.
    [[gnu::noinline]] bool next_chunk() noexcept {
        try {
            pop_chunk();
            find_results();
            return true;
        } catch (...) {
            failure_ = std::current_exception();
            return false;
        }
    }

    [[noreturn]] void throw_failure() { std::rethrow_exception(std::exchange(failure_, nullptr)); }

protected:
    explicit map_body(const map_options& options)
        : until_(options.timeout.start()), buffersize_(options.buffersize) {}

    // Returns whether every range has another element.
    virtual bool more() = 0;
    virtual Future<chunk> submit_next() = 0;

    // Submits as many tasks as may be. Called at the end of the constructor.
    void start() {
        try {
            refill();
        } catch (...) {
            wait_for_running();
            throw;
        }
    }

    // Called at the beginning of the destructor. As in Python, results that nobody asked for stop nothing.
    void end() noexcept {
        if (begun_) {
            cancel();
            wait_for_running();
        }
    }

private:
    void refill() {
        try {
            while ((!buffersize_ || tasks_.size() - taken_ < static_cast<std::size_t>(*buffersize_)) &&
                   more()) {
                // Make room first, so that no task runs that this map doesn't know.
                tasks_.emplace_back();
                tasks_.back() = submit_next();
            }
        } catch (...) {
            cancel();
            throw;
        }
    }

    void pop_chunk() {
        rethrow(std::exchange(current_, nullptr)->take_exception());
        index_ = 0;
        tasks_[taken_++] = Future<chunk>();
        if (taken_ > tasks_.size() / 2) {  // so that each task is moved a constant number of times
            tasks_.erase(tasks_.begin(),
                         tasks_.begin() + static_cast<std::ptrdiff_t>(std::exchange(taken_, 0)));
        }
        refill();
    }

    // Makes the results of the first task that has any current, or none at the end.
    void find_results() {
        while (!current_ && taken_ != tasks_.size()) {
            current_ = std::addressof(wait_for_first());
            if (current_->size() == 0) {
                pop_chunk();
            }
        }
    }

    chunk& wait_for_first() {
        shared_state<chunk>& state = future_access::state(tasks_[taken_]);
        if (!await(state, until_)) {
            cancel();
            throw_error<timeout_error>("the map's next result was not there within the timeout");
        }
        if (state.state() == future_state::cancelled) {
            cancel();
            throw_error<cancelled_error>("a task of the map was cancelled");
        }
        if (state.exception()) {
            state.mark_exception_as_looked_at();
            rethrow(state.exception());
        }
        return state.result().get();
    }

    // Takes `exception` by value, as `cancel` destroys the task's own.
    void rethrow(std::exception_ptr exception) {
        if (exception) {
            cancel();
            std::rethrow_exception(std::move(exception));
        }
    }

    // Ends the iteration.
    void cancel() noexcept {
        current_ = nullptr;
        index_ = 0;
        taken_ = 0;
        std::erase_if(
            tasks_, [](const Future<chunk>& task) { return !task.valid() || task.cancel() || task.done(); });
        if (!tasks_.empty()) {
            running_.swap(tasks_);
        }
    }

    // The tasks that run use the ranges, which may be views of what is destroyed next.
    void wait_for_running() noexcept {
        for (const Future<chunk>& task : running_) {
            await_if_it_ends(future_access::state(task));
        }
    }

    const deadline until_;
    const std::optional<std::ptrdiff_t> buffersize_;
    std::vector<Future<chunk>> tasks_;    // submitted and not consumed, in the order of the input
    std::size_t taken_ = 0;               // the first are consumed, and no futures any more
    std::vector<Future<chunk>> running_;  // the tasks that could not be cancelled at the end
    chunk* current_ = nullptr;            // the results of the first task, once they are there
    std::size_t index_ = 0;
    std::exception_ptr failure_;
    bool begun_ = false;
};

// `map_body_of` adds `Launcher`, which submits the tasks, and `Cutter`, which makes their chunks.
template <class T, class Launcher, class Cutter>
class map_body_of final : public map_body<T> {
public:
    map_body_of(Launcher launcher, Cutter cutter, const map_options& options)
        : map_body<T>(options),
          launcher_(std::move(launcher)),
          cutter_(std::move(cutter)),
          chunksize_(chunksize_for(options)) {
        this->start();
    }

    map_body_of(const map_body_of&) = delete;
    map_body_of& operator=(const map_body_of&) = delete;
    ~map_body_of() override { this->end(); }

private:
    bool more() override { return cutter_.more(); }
    Future<chunk_results<T>> submit_next() override { return launcher_.launch(cutter_.cut(chunksize_)); }

    std::size_t chunksize_for(const map_options& options) const {
        if (options.auto_chunksize) {
            if (const std::optional<std::size_t> size = cutter_.size()) {
                return auto_chunksize(*size, launcher_.max_workers());
            }
        }
        return static_cast<std::size_t>(options.chunksize);
    }

    Launcher launcher_;
    Cutter cutter_;
    const std::size_t chunksize_;
};

}  // namespace detail

/// `map` returns this input range of a function's results. It is movable, not copyable; only one thread at a
/// time may use it.
///
/// Dereferencing the iterator gives a result as an rvalue, which may be moved from. A reference that the
/// function returned stays as it is; void becomes `std::monostate`. The destructor, after `begin()`, cancels
/// the tasks that have not started, and waits for those that run. So what a view refers to must outlive the
/// results, but no more. If the results were never iterated, all that was submitted runs, and nobody waits
/// for it.
///
/// \code
/// auto results = executor.map([](int x) { return std::to_string(x); }, std::vector{1, 2});
/// std::string all;
/// for (std::string each : results)
///     all += each;
/// assert(all == "12");
/// \endcode
template <class T>
class map_results {
public:
    class iterator;

    /// Executors call this in their `map`.
    explicit map_results(std::unique_ptr<detail::map_body<T>> body) noexcept : body_(std::move(body)) {}

    /// The first call waits for the first result, and throws as the increment does. A later call returns the
    /// present position, and invalidates earlier iterators.
    [[nodiscard]] iterator begin() {
        body_->begin();
        return iterator(*body_);
    }
    /// Returns the end of the iteration.
    [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

private:
    std::unique_ptr<detail::map_body<T>> body_;
};

/// The increment of this input iterator waits for the next result.
///
/// \throws what the function threw for it, or timeout_error; then there are no more results
template <class T>
class map_results<T>::iterator {
    using body = detail::map_body<T>;
    using chunk = typename body::chunk;

public:
    /// These types make `iterator` an input iterator.
    ///@{
    using iterator_concept = std::input_iterator_tag;
    using iterator_category = std::input_iterator_tag;
    using reference = decltype(std::declval<chunk&>()[0]);
    using value_type = std::remove_cvref_t<reference>;
    using difference_type = std::ptrdiff_t;
    using pointer = void;
    ///@}

    /// An iterator is movable, not copyable.
    ///@{
    iterator(iterator&&) noexcept = default;
    iterator& operator=(iterator&&) noexcept = default;
    ///@}

    /// Returns the result, which may be moved from.
    reference operator*() const noexcept { return (*chunk_)[index_]; }
    /// Waits for the next result, or throws what the function threw in place of it.
    iterator& operator++() {
        if (++index_ != count_) {
            body_->set_index(index_);
        } else {
            chunk_ = nullptr;  // stays null if the next call throws
            if (!body_->next_chunk()) {
                body_->throw_failure();
            }
            enter_chunk();
        }
        return *this;
    }
    /// Does the same.
    void operator++(int) { ++*this; }

    /// Returns whether there are no more results.
    friend bool operator==(const iterator& self, std::default_sentinel_t) noexcept { return !self.chunk_; }

private:
    friend class map_results;

    explicit iterator(body& its_body) : body_(std::addressof(its_body)) { enter_chunk(); }

    void enter_chunk() noexcept {
        chunk_ = body_->current();
        index_ = body_->index();
        count_ = chunk_ ? chunk_->size() : 0;
    }

    // These copies of the body's position fit into registers: counting in memory would take longer than
    // adding up results that are there.
    body* body_;
    chunk* chunk_ = nullptr;
    std::size_t index_ = 0;
    std::size_t count_ = 0;
};

namespace detail {

template <class Argument>
concept mappable =
    requires { typename mapped_range<Argument>; } && std::ranges::input_range<mapped_range<Argument>>;

// Says whether `map` can copy the argument or move it in. A container has a copy constructor even if its
// elements have none.
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

// Not inlined, as GCC 12 with -O1 would warn that a `buffersize` that is not there is uninitialized.
#if defined(__GNUC__)
__attribute__((noinline))
#endif
inline void
throw_if_wrong(const map_options& options) {
    if (options.buffersize && *options.buffersize < 1) {
        throw_error<std::invalid_argument>("buffersize must be at least 1");
    }
    if (options.chunksize < 1) {
        throw_error<std::invalid_argument>("chunksize must be at least 1");
    }
}

// Starts a map whose tasks `launcher` submits, and returns its results.
template <class Launcher, class Fn, class... Arguments>
auto start_map(Launcher launcher, const map_options& options, Fn&& fn, Arguments&&... ranges) {
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
            launcher.throw_if_refusing();
            using result = kept_result_t<
                std::invoke_result_t<std::decay_t<Fn>&, map_argument<mapped_range<Arguments>>...>>;
            using input = map_input<std::decay_t<Fn>, typename kept_range<Arguments>::type...>;
            using cutter = map_cutter<result, input, mapped_range<Arguments>...>;
            return map_results<result>(
                std::unique_ptr<map_body<result>>(new map_body_of<result, Launcher, cutter>(
                    std::move(launcher),
                    cutter(std::make_shared<input>(std::forward<Fn>(fn), std::forward<Arguments>(ranges)...)),
                    options)));
        }
    }
}

}  // namespace detail
}}  // namespace concurrent::futures
