// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>        // std::size_t
#include <cstdint>        // std::uint32_t
#include <memory>         // std::addressof
#include <mutex>          // std::lock_guard, std::unique_lock
#include <optional>       // std::optional
#include <unordered_map>  // std::unordered_map
#include <utility>        // std::exchange, std::move

#include <concurrent/futures/platform/definitions.hpp>
#include <concurrent/futures/state/shared_state.hpp>
#include <concurrent/futures/state/waiter.hpp>
#include <concurrent/futures/sync/block_cache.hpp>
#include <concurrent/futures/sync/blocked_wait.hpp>
#include <concurrent/futures/sync/forks.hpp>
#include <concurrent/futures/sync/helper.hpp>
#include <concurrent/futures/sync/synchronization.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// A `dependency_walk` finds what a worker can run while it waits for futures that wait for others: what those
// depend on, however far away, and as soon as it can be run. All of it belongs to the waiting thread, except
// for what futures tell.
//
// A node stands for a future. The walk goes from the awaited futures, the roots, to what they depend on. It
// adds a node to the waiters of its future before it looks at the future, so it misses no change: when the
// future comes to depend on something else, or can be run, `on_change` is called, and the thread looks
// again. That a dependency is done is no reason to wake: what depends on it changes then, or is done.
//
// A node doesn't hold its future. That exists as long as the node was not told that it ends, as somebody will
// complete it. So under the mutex, which `on_ending` takes, the thread can get a weak handle for the moment
// that it needs one.
//
// Each future is looked at once, and once more for each change; what it depended on before is not looked at
// again then, if that can be told. So n futures cost O(n), in whatever order they become done, and the depth
// is that of a list in the heap.
//
// A task that runs, or that is queued in another pool, is a leaf, but the workers that could end it may all
// sleep, and wait for others in their turn. So a worker that is about to sleep first shows what it waits for
// (see `helping_wait`), and then looks at the leaves again: what keeps them from ending is one more
// dependency. Of workers that wait for each other's pools, the last to sleep sees all the others. If it can't
// go on, it has those look again that could run one of its leaves; and so it does if a leaf is new while it
// sleeps.
class dependency_walk final : public blocked_wait {
    class node;

public:
    // The owner waits for `has_news()` by these, and shares the mutex. Others may wait by them, too.
    dependency_walk(sync::mutex& mutex, sync::condition_variable& changed) noexcept
        : mutex_(mutex), changed_(changed) {}

    dependency_walk(const dependency_walk&) = delete;
    dependency_walk& operator=(const dependency_walk&) = delete;

    ~dependency_walk();

    // Adds a future that the thread waits for. If `wakes`, it is news when that is done. Requires: the caller
    // has a handle now. Throws if there is no memory.
    void add_root(shared_state_base& root, bool wakes);

    // Frees what is left of futures that are done, if that is much; as futures may be added for ever, this is
    // called now and then. Each future costs O(1) in all. Requires: the wait is not shown.
    void forget_what_is_done() noexcept {
        constexpr std::size_t few = 64;
        if (made_count_ >= few && made_count_ / 2 >= kept_count_) {
            sweep();
        }
    }

    enum class step {
        nothing,        // there is nothing to be run here, until `has_news()`
        runnable,       // this thread can run `found`, by means of `self`; else `self` is null
        for_spare,      // the same, but `found` may wait for what this thread is in the middle of running
        helped,         // this thread ran something
        waits_for_self  // a future depends on what this thread is in the middle of running
    };

    // Goes on until there is something to be run. `to_the_end` says that the wait ends only with its futures:
    // then, if the wait is not shown, this also runs what descends from tasks that run elsewhere. Throws if
    // there is no memory.
    [[nodiscard]] step next(shared_state_base::weak_handle& found, helper*& self, bool to_the_end,
                            bool is_shown);

    // What `next` has just found is left to another worker: it finds more, but not this.
    void set_aside() noexcept {
        node* const found = open_;
        open_ = std::exchange(found->next_open, set_aside_);
        set_aside_ = found;
    }
    void open_what_was_set_aside() noexcept {
        while (node* const each = set_aside_) {
            set_aside_ = std::exchange(each->next_open, open_);
            open_ = each;
        }
    }

    // What `next` has just found is left to a spare, which will run it.
    void note_left_to_spare() noexcept { open_->is_left_to_spare = true; }

    // Has `next` look again at what keeps tasks from ending that this thread can't run. Requires: the wait is
    // shown, or another worker's.
    void look_at_leaves_again() noexcept;

    // See `shared_state_base::have_sleepers_look_again`: does that for `all` leaves, or for those that are
    // new or have changed since the last call. Requires: the wait is shown.
    void have_sleepers_look_again(bool all) noexcept;

    // Another worker calls this, while the wait is shown.
    void look_again(bool tells_all) noexcept override {
        const std::lock_guard lock(mutex_);
        looks_again_ = true;
        tells_all_ = tells_all_ || tells_all;
        has_news_.store(true, std::memory_order_relaxed);  // relaxed: see `has_news`
        changed_.notify_all();
    }

    // What keeps a task from ending is what the waits of some workers wait for. This visits one such wait
    // after the other, and finds a future at a place among all these.
    class obstacle_search {
    public:
        explicit obstacle_search(dependency_place& place) noexcept : place_(place), skipped_(place.index) {}
        obstacle_search(const obstacle_search&) = delete;
        obstacle_search& operator=(const obstacle_search&) = delete;

        void operator()(blocked_wait& wait, std::size_t removals) noexcept {
            if (found_) {
                return;
            }
            if (place_.removals != removals) {
                place_ = {0, removals};
                skipped_ = 0;
            }
            // NOLINTNEXTLINE(cppcoreguidelines-pro-type-static-cast-downcast): every wait is one of a walk
            found_ = static_cast<dependency_walk&>(wait).root(skipped_, place_.index);
        }

        // Returns a weak handle on it, empty if there is none.
        [[nodiscard]] shared_state_base::weak_handle take() noexcept { return std::move(found_); }

    private:
        dependency_place& place_;
        std::size_t skipped_;
        shared_state_base::weak_handle found_;
    };

    // Skips `skipped` of the awaited futures, and returns a weak handle on the next that is not done. Adds to
    // `index` how many it has passed over as they are done. If there are no more, returns an empty one,
    // and takes from `skipped` how many there were. Another worker calls this, while the wait is shown.
    [[nodiscard]] shared_state_base::weak_handle root(std::size_t& skipped, std::size_t& index) noexcept;

    // Whether `next` may find something new. Relaxed: a hint, except under the mutex.
    [[nodiscard]] bool has_news() const noexcept { return has_news_.load(std::memory_order_relaxed); }

private:
    class node final : public thread_waiter, public cached_memory {
    public:
        // It may be told as soon as it is added to the waiters, so what `on_done` reads is set here.
        node(dependency_walk& its_walk, shared_state_base& its_state, bool is_to_wake) noexcept
            : walk(its_walk), state(its_state), wakes(is_to_wake) {}

        void on_done(outcome) noexcept override {
            // Notify under the mutex: once the mutex is free, the walk may be gone.
            const std::lock_guard lock(walk.mutex_);
            is_done = true;
            walk.add_news(*this, wakes || is_awaited);
        }

        dependency_walk& walk;
        shared_state_base& state;
        node* next_made = nullptr;
        node* next_open = nullptr;
        node* next_root = nullptr;
        node* next_leaf = nullptr;
        node* next_to_tell = nullptr;
        node* first_child = nullptr;  // what the future depends on
        node* next_sibling = nullptr;
        std::size_t next_dependency = 0;  // where a future that numbers them is looked at again
        const bool wakes;
        bool is_root = false;
        bool is_open = false;
        bool is_leaf = false;         // it is in the list of leaves
        bool is_to_tell = false;      // others have to look again at what keeps it from ending
        bool is_beyond_leaf = false;  // it was found by what another worker waits for
        // It was found by what keeps a pool from running a queued task. This thread waits for that task, but
        // may not really need this one.
        bool is_beyond_queue = false;
        bool is_left_to_spare = false;
        bool is_shared = false;   // another node's future depends on this one too
        bool is_dropped = false;  // nothing that the thread waits for depends on it any more

        // Guarded by the mutex.
        node* next_news = nullptr;
        bool is_news = false;
        bool is_ending = false;   // the future may be gone, or the waiter was removed
        bool is_done = false;     // the waiter was told, or removed
        bool is_awaited = false;  // the thread waits for `is_done`

    private:
        void on_change() noexcept override {
            const std::lock_guard lock(walk.mutex_);
            walk.add_news(*this, true);
        }
        void on_ending() noexcept override {
            const std::lock_guard lock(walk.mutex_);
            is_ending = true;
        }
    };

    // Requires: the mutex is held.
    void add_news(node& told, bool wakes) noexcept;

    void hear_news() noexcept;

    void open(node& opened) noexcept {
        if (!std::exchange(opened.is_open, true)) {
            opened.next_open = std::exchange(open_, &opened);
        }
    }

    void tell_of(node& changed) noexcept {
        if (!std::exchange(changed.is_to_tell, true)) {
            changed.next_to_tell = std::exchange(to_tell_, &changed);
        }
    }

    // Returns a weak handle on the node's future, empty if that ends.
    [[nodiscard]] shared_state_base::weak_handle handle_on(node& which) noexcept;

    // Opens the nodes of what the future of `parent` depends on; false if that is nothing.
    [[nodiscard]] bool expand(node& parent, shared_state_base& state);

    // Returns a new node, or null if there is one already or the future is done. A root has no `parent`; a
    // node that becomes one is as good as new. Requires: the caller has a handle on `state`, weak or not.
    [[nodiscard]] node* make_node(shared_state_base& state, node* parent, bool is_beyond_queue, bool wakes);

    // Nothing depends any more on the futures of these siblings. Most are done.
    void drop(node* siblings) noexcept;

    // Forgets all but the roots. This is rare: somebody has cancelled a part of what this thread waits for,
    // or a part has failed.
    void start_again() noexcept;

    // Frees the nodes of futures that are done, or on which nothing depends any more.
    void sweep() noexcept;

    void free(node& freed) noexcept {
        if (first_node_ && std::addressof(*first_node_) == &freed) {
            first_node_.reset();
        } else {
            delete &freed;
        }
    }

    // Leaves those in the list for which `stays` holds.
    template <class Stays>
    static void keep(node*& first, node* node::*next, Stays stays) noexcept {
        for (node** link = &first; node* const each = *link;) {
            if (stays(*each)) {
                link = &(each->*next);
            } else {
                *link = each->*next;
            }
        }
    }

    void stop_watching(node& stopped) noexcept;

    sync::mutex& mutex_;
    sync::condition_variable& changed_;
    const std::uint32_t process_ = forks::process();
    std::optional<node> first_node_;  // so that a wait for one future allocates nothing
    node* made_ = nullptr;            // all nodes
    std::size_t made_count_ = 0;
    std::size_t kept_count_ = 0;  // what was left of them when the last were freed
    node* roots_ = nullptr;       // written under the mutex
    node* open_ = nullptr;        // those to be looked at
    node* set_aside_ = nullptr;
    node* to_tell_ = nullptr;
    node* leaves_ = nullptr;  // those of tasks that may be queued or run; they may be done
    bool starts_again_ = false;
    std::unordered_map<const shared_state_base*, node*> shared_;  // on whose futures others have handles

    sync::atomic<bool> has_news_{false};  // written under the mutex
    // Guarded by the mutex.
    node* news_ = nullptr;
    bool looks_again_ = false;
    bool tells_all_ = false;
};

#if defined(CONCURRENT_FUTURES_DEFINES)

CONCURRENT_FUTURES_FUNCTION dependency_walk::~dependency_walk() {
    const bool is_inherited = process_ != forks::process();  // then no thread tells
    while (node* const each = made_) {
        made_ = each->next_made;
        if (!is_inherited) {
            stop_watching(*each);
        }
        free(*each);
    }
}

CONCURRENT_FUTURES_FUNCTION void dependency_walk::add_root(shared_state_base& root, bool wakes) {
    if (node* const added = make_node(root, nullptr, false, wakes)) {
        added->is_root = true;
        {
            const std::lock_guard lock(mutex_);
            added->next_root = std::exchange(roots_, added);
        }
        open(*added);
    }
}

CONCURRENT_FUTURES_FUNCTION dependency_walk::step dependency_walk::next(shared_state_base::weak_handle& found,
                                                                        helper*& self, bool to_the_end,
                                                                        bool is_shown) {
    self = nullptr;
    for (;;) {
        hear_news();
        node* const next = open_;
        if (!next) {
            return step::nothing;
        }
        shared_state_base::weak_handle handle = handle_on(*next);
        if (handle && handle.state().is_waiting() && !next->is_left_to_spare) {
            self = handle.state().helper_here();
            if (self) {
                found = std::move(handle);
                // It stays open, as the caller may leave it to another worker.
                return next->is_beyond_queue ? step::for_spare : step::runnable;
            }
        }
        open_ = next->next_open;
        next->is_open = false;
        if (!handle) {
            continue;
        }
        // A coroutine may go on without being queued, and block.
        const bool may_run = !handle.state().is_unqueued() || handle.state().runs_in_turns();
        if (may_run && !std::exchange(next->is_leaf, true)) {
            next->next_leaf = std::exchange(leaves_, next);
            tell_of(*next);
        }
        if (expand(*next, handle.state()) || !to_the_end || next->is_beyond_queue) {
            continue;
        }
        if (is_shown) {
            if (handle.state().runs_here() && !next->is_beyond_leaf) {
                return step::waits_for_self;
            }
            continue;
        }
        const shared_state_base::help_result helped = handle.state().help(&handle);
        if (helped == shared_state_base::help_result::helped) {
            open(*next);
            return step::helped;
        }
        // Beyond a leaf, the worker that waits for this one may run something else.
        if (helped == shared_state_base::help_result::waits_for_self && !next->is_beyond_leaf) {
            return step::waits_for_self;
        }
    }
}

CONCURRENT_FUTURES_FUNCTION void dependency_walk::look_at_leaves_again() noexcept {
    for (node** link = &leaves_; node* const each = *link;) {
        if (each->is_dropped || !handle_on(*each)) {
            *link = each->next_leaf;
            each->is_leaf = false;
        } else {
            open(*each);
            link = &each->next_leaf;
        }
    }
}

CONCURRENT_FUTURES_FUNCTION void dependency_walk::have_sleepers_look_again(bool all) noexcept {
    {
        const std::lock_guard lock(mutex_);
        all = std::exchange(tells_all_, false) || all;
    }
    if (all) {
        for (node* each = leaves_; each; each = each->next_leaf) {
            tell_of(*each);
        }
    }
    while (node* const each = to_tell_) {
        to_tell_ = each->next_to_tell;
        each->is_to_tell = false;
        if (const shared_state_base::weak_handle handle = handle_on(*each)) {
            handle.state().have_sleepers_look_again();
        }
    }
}

CONCURRENT_FUTURES_FUNCTION shared_state_base::weak_handle dependency_walk::root(
    std::size_t& skipped, std::size_t& index) noexcept {
    const std::lock_guard lock(mutex_);
    for (node* each = roots_; each; each = each->next_root) {
        if (skipped != 0) {
            --skipped;
        } else if (each->is_ending) {
            ++index;
        } else {
            return shared_state_base::weak_handle(each->state);
        }
    }
    return {};
}

CONCURRENT_FUTURES_FUNCTION void dependency_walk::add_news(node& told, bool wakes) noexcept {
    if (!std::exchange(told.is_news, true)) {
        told.next_news = std::exchange(news_, &told);
    }
    if (wakes) {
        has_news_.store(true, std::memory_order_relaxed);  // relaxed: see `has_news`
        changed_.notify_all();
    }
}

CONCURRENT_FUTURES_FUNCTION void dependency_walk::hear_news() noexcept {
    bool looks_again = false;
    for (;;) {
        node* told = nullptr;
        bool is_done = false;
        {
            const std::lock_guard lock(mutex_);
            told = news_;
            if (!told) {
                has_news_.store(false, std::memory_order_relaxed);  // relaxed: see `has_news`
                looks_again = std::exchange(looks_again_, false);
                break;
            }
            news_ = told->next_news;
            told->is_news = false;
            is_done = told->is_done;
        }
        if (is_done) {
            drop(std::exchange(told->first_child, nullptr));
        } else if (!told->is_dropped) {
            // A coroutine may have been queued for another turn.
            told->is_left_to_spare = false;
            tell_of(*told);
            open(*told);
        }
    }
    if (std::exchange(starts_again_, false)) {
        start_again();
    }
    if (looks_again) {
        look_at_leaves_again();
    }
}

CONCURRENT_FUTURES_FUNCTION shared_state_base::weak_handle dependency_walk::handle_on(node& which) noexcept {
    const std::lock_guard lock(mutex_);
    return which.is_ending ? shared_state_base::weak_handle() : shared_state_base::weak_handle(which.state);
}

CONCURRENT_FUTURES_FUNCTION bool dependency_walk::expand(node& parent, shared_state_base& state) {
    node* const opened_before = std::exchange(open_, nullptr);
    node** end = &open_;  // the first dependency is looked at first
    const auto append = [&] { *end = opened_before; };
    const bool was_queued = state.is_waiting() && !state.is_unqueued();
    const bool was_unqueued = state.is_unqueued();
    bool found = false;
    try {
        for (dependency_place place{.index = parent.next_dependency};; ++place.index) {
            const shared_state_base::weak_handle dependency = state.dependency(place);
            if (!dependency) {
                break;
            }
            found = true;
            // Asked only now: the future may have become a leaf meanwhile.
            const bool is_leaf = !state.is_unqueued();
            const bool is_beyond_queue = parent.is_beyond_queue || was_queued || (was_unqueued && is_leaf);
            if (node* const child = make_node(dependency.state(), &parent, is_beyond_queue, false)) {
                child->is_open = true;
                child->is_beyond_leaf = is_leaf || parent.is_beyond_leaf;
                *end = child;
                end = &child->next_open;
            }
            if (state.numbers_dependencies()) {
                parent.next_dependency = place.index + 1;
            }
        }
    } catch (...) {
        append();
        open(parent);
        throw;
    }
    append();
    return found;
}

CONCURRENT_FUTURES_FUNCTION dependency_walk::node* dependency_walk::make_node(shared_state_base& state,
                                                                              node* parent,
                                                                              bool is_beyond_queue,
                                                                              bool wakes) {
    node** known = nullptr;
    // One handle is of a future that depends on it; of a root, one is the caller's. If there is no other,
    // no other future depends on it.
    if ((parent && parent->is_leaf) || state.has_more_handles_than(parent ? 1 : 2)) {
        known = &shared_[&state];
        if (*known && handle_on(**known)) {
            (*known)->is_shared = true;
            (*known)->is_beyond_queue = (*known)->is_beyond_queue && is_beyond_queue;
            return parent || (*known)->is_root ? nullptr : *known;
        }
    }
    node* const made = first_node_ ? new node(*this, state, wakes)
                                   : std::addressof(first_node_.emplace(*this, state, wakes));
    if (!state.add_waiter(*made)) {
        free(*made);
        return nullptr;
    }
    made->is_beyond_queue = is_beyond_queue;
    made->next_made = std::exchange(made_, made);
    ++made_count_;
    if (parent) {
        made->next_sibling = std::exchange(parent->first_child, made);
    }
    if (known) {
        *known = made;
    }
    return made;
}

CONCURRENT_FUTURES_FUNCTION void dependency_walk::drop(node* siblings) noexcept {
    while (node* const each = siblings) {
        siblings = each->next_sibling;
        if (!handle_on(*each)) {
            continue;
        }
        if (each->is_shared) {
            starts_again_ = true;  // something else may depend on it
            continue;
        }
        stop_watching(*each);
        each->is_dropped = true;
        while (node* const child = each->first_child) {
            each->first_child = child->next_sibling;
            child->next_sibling = std::exchange(siblings, child);
        }
    }
}

CONCURRENT_FUTURES_FUNCTION void dependency_walk::start_again() noexcept {
    shared_.clear();
    open_ = nullptr;
    set_aside_ = nullptr;
    leaves_ = nullptr;
    to_tell_ = nullptr;
    for (node* each = made_; each; each = each->next_made) {
        each->first_child = nullptr;
        each->next_dependency = 0;
        each->is_open = false;
        each->is_leaf = false;
        each->is_to_tell = false;
        each->is_shared = false;
        if (each->is_root) {
            open(*each);
        } else {
            stop_watching(*each);
            each->is_dropped = true;
        }
    }
}

CONCURRENT_FUTURES_FUNCTION void dependency_walk::sweep() noexcept {
    node* gone = nullptr;
    {
        const std::lock_guard lock(mutex_);
        const auto stays = [](const node& each) { return !each.is_done || each.is_news; };
        keep(roots_, &node::next_root, stays);
        keep(open_, &node::next_open, stays);
        keep(leaves_, &node::next_leaf, stays);
        keep(to_tell_, &node::next_to_tell, stays);
        std::erase_if(shared_, [&](const auto& each) { return !each.second || !stays(*each.second); });
        for (node* each = made_; each; each = each->next_made) {
            keep(each->first_child, &node::next_sibling, stays);
        }
        made_count_ = 0;
        for (node** link = &made_; node* const each = *link;) {
            if (stays(*each)) {
                ++made_count_;
                link = &each->next_made;
            } else {
                *link = each->next_made;
                each->next_made = std::exchange(gone, each);
            }
        }
    }
    kept_count_ = made_count_;
    while (node* const each = gone) {
        gone = each->next_made;
        free(*each);
    }
}

CONCURRENT_FUTURES_FUNCTION void dependency_walk::stop_watching(node& stopped) noexcept {
    const shared_state_base::weak_handle handle = handle_on(stopped);
    const bool removed = handle && handle.state().remove_waiter(stopped);
    std::unique_lock lock(mutex_);
    if (!removed && !stopped.is_done) {
        // It is being told at the moment.
        stopped.is_awaited = true;
        changed_.wait(lock, [&] { return stopped.is_done; });
    }
    stopped.is_ending = true;
    stopped.is_done = true;
}

#endif  // CONCURRENT_FUTURES_DEFINES

}}}  // namespace concurrent::futures::detail
