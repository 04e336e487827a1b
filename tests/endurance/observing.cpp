// SPDX-License-Identifier: MIT

// What is done with futures.

#include <algorithm>
#include <chrono>
#include <concurrent/futures.hpp>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "calls.hpp"
#include "client.hpp"
#include "faults.hpp"
#include "figures.hpp"

namespace endurance {

namespace {

bool is_as_expected(long value, long expected) {
    return value == expected;
}
bool is_as_expected(const counted& value, long expected) {
    return value.value() == expected;
}
bool is_as_expected(const std::unique_ptr<counted>& value, long expected) {
    return value && value->value() == expected;
}

template <class T>
void note_ending_of(const futures::Future<T>& future, task_record& task) {
    const futures::future_state state = future.state();
    require(future.done() && !future.running(), "a future that is done stays so", static_cast<int>(state));
    if (state == futures::future_state::cancelled) {
        note_ending(task, ending::cancelled);
    } else {
        note_ending(task, task.returned    ? ending::value
                          : task.runs != 0 ? ending::exception
                                           : ending::broken);
    }
}

// Looks at the exception of a future that is done, or of one that isn't, until `limit`: false then.
template <class T>
bool look_at_exception(const futures::Future<T>& future, task_record& task, const futures::timeout& limit,
                       random_source& random) {
    std::exception_ptr exception;
    bool in_time = true;
    bool cancelled = false;
    insist(random, [&] {
        try {
            exception = future.exception(limit);
        } catch (const futures::timeout_error&) {
            in_time = false;
        } catch (const futures::cancelled_error&) {
            cancelled = true;
        }
    });
    if (!in_time) {
        return false;
    }
    if (cancelled) {
        note_ending(task, ending::cancelled);
        return true;
    }
    if (!exception) {
        note_ending(task, ending::value);
        return true;
    }
    try {
        std::rethrow_exception(exception);
    } catch (...) {
        note_thrown(task);
    }
    return true;
}

enum class callback_kind { observes, retrieves, throws, adds, drops };
constexpr unsigned callback_kinds = 5;

struct callback {
    callback_record* record;
    task_record* task;
    std::uint64_t seed;
    callback_kind kind;
    counted passenger{};

    template <class T>
    void operator()(futures::Future<T> future) {
        const faults::own_work own;
        const int before = record->calls.fetch_add(1);
        require(before == 0, "a callback is called once", before);
        require(passenger.value() == 0 && future.done(), "a callback is called when its future is done");
        random_source random(seed);
        switch (kind) {
            case callback_kind::observes:
                note_ending_of(future, *task);
                break;
            case callback_kind::retrieves:
                look_at_exception(future, *task, {}, random);
                break;
            case callback_kind::throws: {
                const auto gone = std::move(future);
                throw purposeful(the_books.new_thrown(true));
            }
            case callback_kind::adds:
                add(future, *task, random);
                break;
            case callback_kind::drops: {
                const auto gone = std::move(future);
            }
        }
    }

    template <class T>
    static void add(const futures::Future<T>& future, task_record& task, random_source& random) {
        add(future, task, random, static_cast<callback_kind>(random.up_to(callback_kinds)));
    }

    template <class T>
    static void add(const futures::Future<T>& future, task_record& task, random_source& random,
                    callback_kind kind) {
        callback added{nullptr, &task, random.seed(), kind};
        insist(random, [&] {
            added.record = &own_record();
            future.add_done_callback(added);
            added.record->added = true;
        });
    }

private:
    static callback_record& own_record() {
        const faults::own_work own;
        return the_books.new_callback();
    }
};

}  // namespace

futures::timeout client::soon() {
    switch (random_.up_to(4)) {
        case 0:
            return std::chrono::seconds(0);
        case 1:
            return std::chrono::nanoseconds(random_.up_to(2000));
        case 2:
            return std::chrono::duration<double, std::micro>(random_.up_to(300));
        default:
            return std::chrono::hours(1);
    }
}

// Waits at most for `limit` and looks at the result in one of several ways; false if it isn't there. The
// future is not used any more if it was there and this is the `last` time.
template <class T>
bool client::look(held<T>& which, const futures::timeout& limit, bool last) {
    if (random_.one_in(3)) {
        return look_at_exception(which.future, *which.task, limit, random_);
    }
    // What a reference into the captures refers to would be gone with the handle.
    const bool takes = last && !std::is_same_v<T, const counted&> && random_.one_in(2);
    bool in_time = true;
    insist(random_, [&] {
        try {
            // With failures, after which it must be tried again, it is not the last handle.
            auto taken = !takes                     ? futures::Future<T>()
                         : faults::of_allocations() ? which.future
                                                    : std::move(which.future);
            if constexpr (std::is_void_v<T>) {
                takes ? std::move(taken).result(limit) : which.future.result(limit);
            } else if (takes) {
                const auto& value = std::move(taken).result(limit);
                require(is_as_expected(value, which.expected), "a result is right");
            } else {
                require(is_as_expected(which.future.result(limit), which.expected), "a result is right");
            }
            note_ending(*which.task, ending::value);
        } catch (const futures::timeout_error&) {
            in_time = false;
        } catch (const futures::cancelled_error&) {
            note_ending(*which.task, ending::cancelled);
        } catch (...) {
            note_thrown(*which.task);
        }
    });
    return in_time;
}

template <class T>
void client::cancel(const held<T>& which) {
    const bool only_cancels = random_.one_in(2);
    const bool effective = only_cancels ? which.future.cancel() : which.future.request_stop();
    const futures::future_state state = which.future.state();
    if (effective && (only_cancels || state == futures::future_state::cancelled)) {
        require(state == futures::future_state::cancelled, "what was cancelled is", static_cast<int>(state));
        note_ending(*which.task, ending::cancelled);
    } else if (only_cancels) {
        require(state == futures::future_state::running || state == futures::future_state::finished,
                "what can't be cancelled runs or has run", static_cast<int>(state));
    }
}

template <class T>
void client::add_callback(const held<T>& which) {
    callback::add(which.future, *which.task, random_);
}

// Gives up a future whose end nobody need look at: but that of a pool which may break must be known, as it
// is not to be told from one that was cancelled.
template <class T>
void client::let_go(held<T> which) {
    if (which.task->pool.may_break || random_.one_in(3)) {
        callback::add(which.future, *which.task, random_, callback_kind::observes);
    }
}

template <class T>
void client::wait_for_some() {
    ++total.waits;
    std::vector<futures::Future<T>> all;
    for (const held<T>& each : mine<T>()) {
        // It may have come back from the other threads.
        if (std::find(all.begin(), all.end(), each.future) == all.end()) {
            all.push_back(each.future);
        }
    }
    const futures::wait_options options{.timeout = random_.one_in(2) ? soon() : futures::timeout(),
                                        .return_when = static_cast<futures::return_when>(random_.up_to(3))};
    const bool for_ever = random_.one_in(2);
    futures::wait_result<T> result;
    insist(random_, [&] {
        result = futures::wait(
            all, for_ever ? futures::wait_options{.return_when = options.return_when} : options);
    });
    require(result.done.size() + result.not_done.size() == all.size(), "wait() returns each future once",
            result.done.size(), result.not_done.size(), all.size());
    std::size_t next_done = 0;
    std::size_t next_not_done = 0;
    for (const auto& each : all) {
        const bool done = next_done != result.done.size() && result.done[next_done] == each;
        require(done || (next_not_done != result.not_done.size() && result.not_done[next_not_done] == each),
                "wait() keeps the order");
        require(!done || each.done(), "what wait() says is done is");
        ++(done ? next_done : next_not_done);
    }
    if (for_ever && options.return_when == futures::return_when::all_completed) {
        require(result.not_done.empty(), "wait() waits for all");
    }
    if (for_ever && options.return_when == futures::return_when::first_completed) {
        require(!result.done.empty() || all.empty(), "wait() waits for one");
    }
}

template <class T>
void client::iterate_some() {
    ++total.as_completed;
    std::unordered_map<futures::Future<T>, task_record*> all;
    for (const held<T>& each : mine<T>()) {
        all.emplace(each.future, each.task);
    }
    const std::size_t size = all.size();
    std::size_t left = random_.one_in(2) ? size : random_.up_to(static_cast<unsigned>(size));
    bool ended = false;
    const futures::timeout limit = random_.one_in(2) ? soon() : futures::timeout();
    try {
        const faults::library_call call(random_);
        for (auto future : futures::as_completed(all, limit)) {
            const faults::own_work own;
            const auto found = all.find(future);
            require(found != all.end(), "as_completed() yields each future once");
            note_ending_of(future, *found->second);
            all.erase(found);
            if (left-- == 0) {
                return;
            }
        }
        ended = true;
    } catch (const futures::timeout_error&) {
        require(!all.empty(), "as_completed() times out only if some are unfinished");
    } catch (const std::bad_alloc&) {
        note_failed_allocation();
    }
    require(!ended || all.empty(), "as_completed() yields each future", all.size(), size);
}

template <class T>
void client::take_some() {
    ++total.queues;
    std::unordered_map<futures::Future<T>, int> times;  // how often each must still be given
    futures::completion_queue<T> queue;
    const unsigned most = random_.one_in(2) ? ~0U : random_.up_to(40);
    const futures::timeout limit = random_.one_in(2) ? soon() : futures::timeout();
    const auto add = [&](const futures::Future<T>& future) {
        queue.add(future);
        const faults::own_work own;
        ++times[future];
    };
    try {
        const faults::library_call call(random_);
        for (const held<T>& each : mine<T>()) {
            add(each.future);
        }
        for (unsigned given = 0; !queue.empty() && given != most; ++given) {
            const futures::Future<T> future = queue.next(limit);
            require(future.done() && --times[future] >= 0,
                    "a queue gives what is done, as often as it was added");
            if (random_.one_in(10)) {
                add(future);
            }
        }
        if (queue.empty()) {
            for (const auto& [future, left] : times) {
                require(left == 0, "a queue gives each future", left);
            }
        }
    } catch (const futures::timeout_error&) {
        require(!queue.empty(), "a queue times out only if some are unfinished");
    } catch (const std::bad_alloc&) {
        note_failed_allocation();
    }
}

// Waits for some of its futures, of whatever type.
void client::wait_for_any() {
    ++total.waits;
    std::vector<futures::any_future> all;
    std::apply(
        [&all](const auto&... each) {
            const auto add = [&all](const auto& some) {
                for (const auto& one : some) {
                    if (std::find(all.begin(), all.end(), one.future) == all.end()) {
                        all.emplace_back(one.future);
                    }
                }
            };
            (add(each), ...);
        },
        futures_);
    const futures::wait_options options{.timeout = soon(),
                                        .return_when = static_cast<futures::return_when>(random_.up_to(3))};
    insist(random_, [&] {
        const auto result = futures::wait(all, options);
        require(result.done.size() + result.not_done.size() == all.size(), "wait() returns each future once");
        for (const futures::any_future& each : result.done) {
            require(each.done(), "what wait() says is done is");
        }
    });
}

template <class T>
void client::settle(std::vector<held<T>>& all) {
    for (held<T>& each : all) {
        require(look(each, {}, true), "a wait without a limit ends with the result");
    }
    all.clear();
}

template <class T>
void client::use() {
    std::vector<held<T>>& all = mine<T>();
    constexpr std::size_t most = 30;
    if (all.size() > most) {
        settle(all);
    }
    if (all.empty()) {
        return;
    }
    held<T>& which = all[random_.up_to(static_cast<unsigned>(all.size()))];
    const bool joined = which.task->pool.joined;
    require(!joined || which.future.done(), "when an executor is destroyed, all of its futures are done");
    switch (random_.up_to(9)) {
        case 0:
        case 1:
            cancel(which);
            break;
        case 2:
            add_callback(which);
            break;
        case 3:
            wait_for_some<T>();
            break;
        case 4:
            random_.one_in(2) ? iterate_some<T>() : take_some<T>();
            break;
        case 5:
            look(which, soon(), false);
            break;
        case 6: {
            const auto when =
                std::chrono::system_clock::now() + std::chrono::microseconds(random_.up_to(300));
            if (which.future.wait_until(when) == std::future_status::ready) {
                note_ending_of(which.future, *which.task);
            }
            break;
        }
        default:
            std::swap(which, all.back());
            held<T> last = std::move(all.back());
            all.pop_back();
            if (random_.one_in(2)) {
                let_go(std::move(last));
            } else {
                require(look(last, {}, true), "a wait without a limit ends with the result");
            }
    }
}

void client::use_futures() {
    switch (random_.up_to(7)) {
        case 6:
            wait_for_any();
            break;
        case 0:
            use<void>();
            break;
        case 4:
            use<const counted&>();
            break;
        case 1:
            use<long&>();
            break;
        case 2:
            use<counted>();
            break;
        case 3:
            use<std::unique_ptr<counted>>();
            break;
        default:
            use<long>();
    }
}

void client::settle_all() {
    std::apply([this](auto&... all) { (settle(all), ...); }, futures_);
}

template void client::let_go(held<void>);
template void client::let_go(held<long>);
template void client::let_go(held<long&>);
template void client::let_go(held<const counted&>);
template void client::let_go(held<counted>);
template void client::let_go(held<std::unique_ptr<counted>>);

}  // namespace endurance
