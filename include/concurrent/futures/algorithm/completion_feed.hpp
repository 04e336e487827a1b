// SPDX-License-Identifier: MIT

#pragma once

#include <utility>  // std::move, std::exchange

#include <concurrent/futures/algorithm/outstanding_futures.hpp>
#include <concurrent/futures/error.hpp>
#include <concurrent/futures/state/await.hpp>
#include <concurrent/futures/state/shared_state.hpp>
#include <concurrent/futures/state/waiter.hpp>
#include <concurrent/futures/timeout.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// `completion_feed` is a `completion_queue` without the type of its futures. An entry is outstanding until
// its future is done. Then it moves to the list of those that `next` takes.
class completion_feed {
public:
    completion_feed() = default;
    completion_feed(const completion_feed&) = delete;
    completion_feed& operator=(const completion_feed&) = delete;

    ~completion_feed() {
        if (futures_.is_inherited()) {
            return;  // nobody will tell the entries, and their futures may be locked for ever
        }
        outstanding_futures::lock_type lock = futures_.lock();
        while (entry* const each = first_outstanding()) {
            lock.unlock();
            const bool removed = each->state().remove_waiter(*each);
            lock.lock();
            if (removed) {
                note_done(*each);
            } else {
                // Another thread is telling the entry at the moment.
                futures_.wait_for_others(lock, [&] { return first_outstanding() != each; });
            }
        }
        lock.unlock();
        while (first_done_) {
            delete std::exchange(first_done_, first_done_->next_done_);
        }
    }

    // Adds a future, which `next` returns once for each time that it was added.
    void add(shared_state_base::handle future) {
        futures_.throw_if_inherited();
        throw_if_inherited(future.state());
        entry* const added = new entry(*this, std::move(future));
        {
            const outstanding_futures::lock_type lock = futures_.lock();
            futures_.add(*added, added->future_.state());
        }
        if (!added->state().add_waiter(*added)) {
            added->on_done(outcome::value);
        }
    }

    // Waits for the next future that is done, and removes it. Returns null if there is no future any more.
    [[nodiscard]] shared_state_base::handle next(const deadline& until) {
        futures_.throw_if_inherited();
        entry* taken = nullptr;
        {
            outstanding_futures::lock_type lock = futures_.lock();
            const auto ready = [this] { return first_done_ || !futures_.first(); };
            if (!ready() &&
                futures_.wait(lock, until, false, ready) == outstanding_futures::wait_end::timed_out) {
                throw_error<timeout_error>("no future of the queue was done within the timeout");
            }
            taken = first_done_;
            if (taken) {
                first_done_ = taken->next_done_;
            }
        }
        if (!taken) {
            return {};
        }
        shared_state_base::handle future = std::move(taken->future_);
        delete taken;
        return future;
    }

    [[nodiscard]] bool empty() const {
        futures_.throw_if_inherited();
        const outstanding_futures::lock_type lock = futures_.lock();
        return is_empty();
    }

private:
    class entry final : public thread_waiter, public outstanding_futures::entry {
    public:
        entry(completion_feed& feed, shared_state_base::handle future) noexcept
            : feed_(feed), future_(std::move(future)) {}

        void on_done(outcome) noexcept override {
            const outstanding_futures::lock_type lock = feed_.futures_.lock();
            feed_.note_done(*this);
        }

    private:
        friend class completion_feed;

        completion_feed& feed_;
        shared_state_base::handle future_;
        entry* next_done_ = nullptr;
    };

    // Requires: locked, here and below.
    [[nodiscard]] bool is_empty() const noexcept { return !first_done_ && !futures_.first(); }

    [[nodiscard]] entry* first_outstanding() const noexcept {
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-static-cast-downcast): all that were added are such
        return static_cast<entry*>(futures_.first());
    }

    void note_done(entry& done) noexcept {
        futures_.remove(done);
        (first_done_ ? last_done_->next_done_ : first_done_) = &done;
        last_done_ = &done;
        futures_.notify();  // all: if one thread takes the last, the others get nothing
    }

    outstanding_futures futures_;
    entry* first_done_ = nullptr;
    entry* last_done_ = nullptr;  // valid if there is a first
};

}}}  // namespace concurrent::futures::detail
