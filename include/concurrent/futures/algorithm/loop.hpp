// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>    // std::size_t
#include <exception>  // std::exception_ptr, std::current_exception
#include <iterator>   // std::iter_difference_t
#include <limits>     // std::numeric_limits
#include <memory>     // std::unique_ptr, std::make_unique
#include <mutex>      // std::lock_guard
#include <ranges>     // std::ranges
#include <utility>    // std::move, std::exchange
#include <vector>     // std::vector

#include <concurrent/futures/algorithm/map_input.hpp>
#include <concurrent/futures/error.hpp>
#include <concurrent/futures/sync/synchronization.hpp>
#include <concurrent/futures/timeout.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// How a loop's range is cut. Several threads take chunks of the range, in its order, until none is left.
struct chunk_sizes {
    std::size_t chosen;  // by the user; 0 if the loop chooses
    std::size_t max_workers;

    [[nodiscard]] std::size_t of(std::size_t range_size) const {
        return chosen != 0 ? chosen : auto_chunksize(range_size, max_workers);
    }
};

// `chunk_source` gives out the chunks of a range. Any thread may call `next`. It returns false at the end;
// else `taken` is the next chunk. `taken.number` is set even if it throws. A chunk can be visited once, and
// has one element at least: `visit_first` calls `visit` with the first element, and `visit_rest` with each
// further one. `has_more` is a hint, whether `next` would find a chunk; any thread may call it.
//
// An input range is read under the lock, as its elements don't stay.
template <class Range>
class chunk_source {
    using element = map_element<Range>;

public:
    struct chunk {
        std::size_t number = 0;
        std::vector<element> elements;

        template <class Visit>
        void visit_first(Visit visit) {
            visit(elements.front()());
        }
        template <class Visit>
        void visit_rest(Visit visit) {
            for (std::size_t index = 1; index != elements.size(); ++index) {
                visit(elements[index]());
            }
        }
    };

    chunk_source(Range& range, const chunk_sizes& sizes)
        : chunksize_(sizes.chosen != 0 ? sizes.chosen : 1),
          position_(std::ranges::begin(range)),
          end_(std::ranges::end(range)) {}

    [[nodiscard]] static constexpr std::size_t most_chunks() noexcept {
        return (std::numeric_limits<std::size_t>::max)();
    }

    [[nodiscard]] bool next(chunk& taken) {
        const std::lock_guard lock(mutex_);
        taken.number = number_;
        taken.elements.clear();
        // If the range throws, it is not read again.
        if (std::exchange(is_at_end_, true)) {
            return false;
        }
        while (taken.elements.size() != chunksize_) {
            if (std::exchange(at_used_element_, false)) {  // moves on only now, as reading input may block
                ++position_;
            }
            if (position_ == end_) {
                break;
            }
            taken.elements.emplace_back(position_);
            at_used_element_ = true;
        }
        is_at_end_ = taken.elements.size() != chunksize_;
        number_ += taken.elements.empty() ? 0 : 1;
        return !taken.elements.empty();
    }

    [[nodiscard]] bool has_more() noexcept {
        const std::lock_guard lock(mutex_);
        return !is_at_end_;
    }

private:
    const std::size_t chunksize_;

    // Guarded by `mutex_`.
    sync::mutex mutex_;
    std::ranges::iterator_t<Range> position_;
    std::ranges::sentinel_t<Range> end_;
    bool at_used_element_ = false;
    bool is_at_end_ = false;
    std::size_t number_ = 0;
};

// The chunk of a forward range.
template <class Iterator>
struct forward_chunk {
    std::size_t number = 0;
    Iterator position = {};
    std::size_t left = 0;

    template <class Visit>
    void visit_first(Visit visit) {
        visit(*position);
        if (--left != 0) {
            ++position;
        }
    }
    template <class Visit>
    void visit_rest(Visit visit) {
        if (left != 0) {
            for (;;) {
                visit(*position);
                if (--left == 0) {
                    return;
                }
                ++position;
            }
        }
    }
};

// The elements of a forward range are skipped under the lock. If nobody knows their number, chunks grow with
// what was taken before; so the last one is about as great a part of all as where the size is known.
template <std::ranges::forward_range Range>
class chunk_source<Range> {
public:
    using chunk = forward_chunk<std::ranges::iterator_t<Range>>;

    chunk_source(Range& range, const chunk_sizes& sizes)
        : sizes_(sizes), position_(std::ranges::begin(range)), end_(std::ranges::end(range)) {
        if constexpr (std::ranges::sized_range<Range>) {
            const std::size_t size = saturated_size(range);
            sizes_.chosen = sizes_.of(size);
            most_chunks_ = divide_rounding_up(size, sizes_.chosen);
        }
    }

    [[nodiscard]] std::size_t most_chunks() const noexcept { return most_chunks_; }

    [[nodiscard]] bool next(chunk& taken) {
        const std::lock_guard lock(mutex_);
        taken.number = number_;
        if (std::exchange(is_at_end_, true) || position_ == end_) {
            return false;
        }
        const std::size_t limit = sizes_.of(taken_);
        taken.position = position_;
        taken.left = 0;
        do {
            ++position_;
            ++taken.left;
        } while (taken.left != limit && position_ != end_);
        is_at_end_ = false;
        taken_ += taken.left;
        ++number_;
        return true;
    }

    [[nodiscard]] bool has_more() {
        const std::lock_guard lock(mutex_);
        return !is_at_end_ && position_ != end_;
    }

private:
    chunk_sizes sizes_;
    std::size_t most_chunks_ = (std::numeric_limits<std::size_t>::max)();

    // Guarded by `mutex_`.
    sync::mutex mutex_;
    std::ranges::iterator_t<Range> position_;
    std::ranges::sentinel_t<Range> end_;
    bool is_at_end_ = false;
    std::size_t taken_ = 0;
    std::size_t number_ = 0;
};

// The chunks of these are found without a lock.
template <std::ranges::random_access_range Range>
    requires std::ranges::sized_range<Range>
class chunk_source<Range> {
public:
    using chunk = forward_chunk<std::ranges::iterator_t<Range>>;

    chunk_source(Range& range, const chunk_sizes& sizes)
        : begin_(std::ranges::begin(range)),
          size_(saturated_size(range)),
          chunksize_(sizes.of(size_)),
          chunks_(divide_rounding_up(size_, chunksize_)) {}

    [[nodiscard]] std::size_t most_chunks() const noexcept { return chunks_; }

    [[nodiscard]] bool next(chunk& taken) {
        // Relaxed: it only counts. Whatever else a thread needs was there before it joined in.
        taken.number = next_.fetch_add(1, std::memory_order_relaxed);
        if (taken.number >= chunks_) {
            return false;
        }
        const std::size_t first = taken.number * chunksize_;
        taken.position = begin_ + static_cast<std::iter_difference_t<std::ranges::iterator_t<Range>>>(first);
        taken.left = size_ - first < chunksize_ ? size_ - first : chunksize_;
        return true;
    }

    [[nodiscard]] bool has_more() const noexcept {
        return next_.load(std::memory_order_relaxed) < chunks_;  // relaxed: a hint
    }

private:
    const std::ranges::iterator_t<Range> begin_;
    const std::size_t size_;
    const std::size_t chunksize_;
    const std::size_t chunks_;
    sync::atomic<std::size_t> next_{0};
};

// How a loop ends early: by the failure of a chunk. Chunks are taken in their order, and a chunk that was
// taken is gone through; so of the chunks that fail, the first of all is among those that were taken.
class loop_failure {
public:
    [[nodiscard]] bool has_any() const noexcept { return has_any_.load(); }

    void note(std::size_t number, std::exception_ptr failure) noexcept {
        const std::lock_guard lock(mutex_);
        if (!failure_ || number < number_) {
            number_ = number;
            failure_ = std::move(failure);
        }
        has_any_.store(true);
    }

    // Requires: all threads have ended.
    void rethrow() const {
        if (failure_) {
            std::rethrow_exception(failure_);
        }
    }

private:
    sync::atomic<bool> has_any_{false};
    sync::mutex mutex_;
    std::size_t number_ = 0;
    std::exception_ptr failure_;
};

// One thread's part of a loop: calls `treat` with one chunk after the other.
template <class Source, class Treat>
void take_chunks(Source& source, loop_failure& failure, const deadline& until, Treat treat) noexcept {
    typename Source::chunk taken;
    while (!failure.has_any()) {
        try {
            if (!source.next(taken)) {
                return;
            }
            if (until.passed()) {
                throw_error<timeout_error>("the loop was not done within the timeout");
            }
            treat(taken);
        } catch (...) {
            failure.note(taken.number, std::current_exception());
        }
    }
}

// The threads that do the work of a loop together. The calling thread starts two branches, each branch that
// begins starts two more, and so on, as long as something is left to do: so a limit of workers that is never
// needed costs nothing. `Branching` is as in `invoke_branches`.
template <class Branching, class Work, class IsLeft>
class shared_work {
public:
    // `work` must be such that one call does everything if nobody comes to help. `is_left` is a hint: whether
    // another call of it would find something to do. At most `most_others` threads come.
    shared_work(const Branching& branching, std::size_t most_others, Work& work, IsLeft& is_left) noexcept
        : branching_(branching), work_(work), is_left_(is_left), may_start_(most_others) {}

    shared_work(const shared_work&) = delete;
    shared_work& operator=(const shared_work&) = delete;

    ~shared_work() {
        while (take_newest()) {
        }
    }

    // Returns when all calls have ended. Throws what the first `start` throws; then nothing was called.
    void run() {
        if (may_start_ == 0) {
            branching_.throw_if_refusing();
        } else {
            const std::size_t starts = Branching::branches_start_others ? at_once : may_start_;
            start_one(branching_);
            start_some(branching_, starts - 1);
        }
        work_();
        // A branch that starts another adds it before it ends itself. So when none is left, all have ended.
        while (const std::unique_ptr<started> newest = take_newest()) {
            branching_.join(newest->branch);
        }
    }

    // What a branch calls.
    void operator()() noexcept {
        if constexpr (Branching::branches_start_others) {
            start_some(branching_.here(), at_once);
        }
        work_();
    }

private:
    static constexpr std::size_t at_once = 2;

    struct started {
        explicit started(shared_work& whole) noexcept : branch(whole) {}

        typename Branching::template branch_for<shared_work&> branch;
        std::unique_ptr<started> before;
    };

    // Starts so many branches, if that many may be started and something is left to do. If one is refused,
    // those that have begun do its work.
    void start_some(const Branching& branching, std::size_t number) noexcept {
        try {
            for (; number != 0 && is_left_() && start_one(branching); --number) {
            }
        } catch (...) {
            const std::lock_guard lock(mutex_);
            may_start_ = 0;
        }
    }

    bool start_one(const Branching& branching) {
        {
            const std::lock_guard lock(mutex_);
            if (may_start_ == 0) {
                return false;
            }
            --may_start_;
        }
        auto made = std::make_unique<started>(*this);
        branching.start(made->branch);
        const std::lock_guard lock(mutex_);
        made->before = std::move(newest_);
        newest_ = std::move(made);
        return true;
    }

    [[nodiscard]] std::unique_ptr<started> take_newest() noexcept {
        const std::lock_guard lock(mutex_);
        std::unique_ptr<started> taken = std::move(newest_);
        if (taken) {
            newest_ = std::move(taken->before);
        }
        return taken;
    }

    const Branching& branching_;
    Work& work_;
    IsLeft& is_left_;

    // Guarded by `mutex_`.
    sync::mutex mutex_;
    std::size_t may_start_;
    std::unique_ptr<started> newest_;  // the others come behind it
};

// Has threads call `take_chunks(source, ...)`, which is what `work` does.
template <class Branching, class Source, class Work>
void run_together(const Branching& branching, Source& source, const loop_failure& failure, Work& work) {
    const std::size_t most_chunks = source.most_chunks();
    const std::size_t most_others = branching.max_others();
    const std::size_t useful = most_chunks > 1 ? most_chunks - 1 : 0;
    auto is_left = [&] { return !failure.has_any() && source.has_more(); };
    shared_work<Branching, Work, decltype(is_left)>(branching, useful < most_others ? useful : most_others,
                                                    work, is_left)
        .run();
}

}}}  // namespace concurrent::futures::detail
