// SPDX-License-Identifier: MIT

#include "books.hpp"

#include <concurrent/futures.hpp>
#include <map>
#include <new>

#include "faults.hpp"
#include "figures.hpp"

namespace endurance {

namespace futures = concurrent::futures;

void note_ending(task_record& task, ending how) {
    const ending before = task.seen.exchange(how);
    require(before == ending::none || before == how, "a future ends in one way", static_cast<int>(before),
            static_cast<int>(how));
    const int runs = task.runs;
    switch (how) {
        case ending::none:
            break;
        case ending::value:
            require(runs == 1 && task.returned, "a task with a result has returned", runs, task.returned);
            break;
        case ending::exception:
            require(runs == 1 && task.thrown.load(), "a task with an exception has thrown it", runs);
            break;
        case ending::cancelled:
            require(runs == 0, "a cancelled task never runs", runs);
            break;
        case ending::broken:
            require(runs == 0 && task.pool.initializers_failed > 0, "only an initializer breaks a pool",
                    runs);
    }
}

namespace {

bool is_start_failure(std::string_view message) {
    return message.starts_with("could not start another worker thread");
}

// Whether an exception is that of a link which an executor of one's own has dropped. It is passed on to links
// of which some have no handle.
bool is_of_own_executor(std::string_view exception) {
    return exception.starts_with("the executor dropped ");
}

}  // namespace

void note_thrown(task_record& task) {
    try {
        throw;
    } catch (const purposeful& thrown) {
        require(thrown.record == task.thrown, "a future has its own task's exception");
        thrown.retrieved();
        note_ending(task, ending::exception);
    } catch (const futures::broken_thread_pool&) {
        task.breakage_retrieved = true;
        note_ending(task, ending::broken);
    }
}

void note_log(std::string_view message, const std::exception_ptr& exception) {
    const faults::own_work own;
    ++total.logged;
    const bool never_retrieved = message == "exception was never retrieved";
    try {
        std::rethrow_exception(exception);
    } catch (const purposeful& thrown) {
        require(thrown.record->by_callback ? message == "a done callback threw" : never_retrieved,
                "the log says what was lost", message);
        ++thrown.record->logged;
    } catch (const futures::broken_thread_pool& broken) {
        require(never_retrieved, "the log says what was lost", message);
        try {
            std::rethrow_if_nested(broken);
            fail("a broken pool says why", "");
        } catch (const initializer_failed& failed) {
            ++failed.pool->breakages_logged;
        }
    } catch (const futures::broken_promise_error& broken) {
        require(never_retrieved, "the log says what was lost", message);
        the_books.broken_promises_logged += !is_of_own_executor(broken.what());
    } catch (const futures::executor_shutdown&) {
        require(never_retrieved, "the log says what was lost", message);
    } catch (const futures::cancelled_error&) {
        require(never_retrieved, "the log says what was lost", message);
    } catch (const initializer_failed& failed) {
        require(message.starts_with("a thread initializer failed"), "the log says what was lost", message);
        ++failed.pool->failures_logged;
    } catch (const std::bad_alloc&) {
        require(faults::of_allocations() && (never_retrieved || is_start_failure(message)),
                "std::bad_alloc is logged only where an allocation failed", message);
    } catch (const std::system_error& failed) {
        require(faults::of_threads() && (never_retrieved || is_start_failure(message)),
                "a failure to start a thread is logged only where there was one", message, failed.what());
        ++total.start_failures;
    } catch (const std::exception& other) {
        fail("only what this program throws is logged", std::string(message) + ": " + other.what());
    }
}

void books::audit(const task_record& task) {
    const int runs = task.runs;
    const ending seen = task.seen;
    if (task.refused) {
        require(runs == 0 && seen == ending::none, "a task that was refused never runs", runs,
                static_cast<int>(seen));
        ++total.refused;
        return;
    }
    note_ending(const_cast<task_record&>(task), seen);
    require(runs <= 1, "a task runs once at most", runs);
    if (runs == 1) {
        const bool thrown = task.thrown != nullptr;
        require(thrown != task.returned, "a task returns or throws", thrown);
        require(seen == ending::none || seen == (thrown ? ending::exception : ending::value),
                "a future ends as its task", static_cast<int>(seen), thrown);
        ++(thrown ? total.exceptions : total.results);
    } else if (seen == ending::broken) {
        ++total.broken;
    } else {
        // Where nobody looks, only the pool may have cancelled it: see `client::let_go`.
        require(seen == ending::cancelled || task.pool.cancels, "every task runs that nobody cancels");
        ++total.cancelled;
    }
}

void books::audit(const pool_record& pool, int breakages) const {
    const int failed = pool.initializers_failed;
    require(pool.running == 0 && pool.threads == 0, "all of a pool's tasks and threads end",
            pool.running.load(), pool.threads.load());
    require(pool.failures_logged == failed, "every failed initializer is reported", failed,
            pool.failures_logged.load());
    // Those of a map's tasks are known to nobody.
    require(pool.breakages_logged == breakages || (pool.mapped && pool.breakages_logged > breakages),
            "what a broken pool has failed is logged once unless looked at", pool.breakages_logged.load(),
            breakages);
}

void books::audit_and_clear() {
    std::map<const pool_record*, int> breakages;
    for (const task_record& task : tasks_) {
        audit(task);
        if (task.seen == ending::broken && !task.breakage_retrieved) {
            ++breakages[&task.pool];
        }
    }
    for (const pool_record& pool : pools_) {
        audit(pool, breakages[&pool]);
    }
    for (const thrown_record& thrown : thrown_) {
        require(thrown.is_passed_on ? thrown.logged + thrown.retrieved != 0
                                    : thrown.logged == (thrown.retrieved != 0 ? 0 : 1),
                "an exception is logged once unless somebody looked at it", thrown.by_callback,
                thrown.retrieved.load(), thrown.logged.load());
    }
    for (const link_record& link : links_) {
        require(link.runs == ((link.thrown != nullptr) != link.returned ? 1 : 0),
                "a continuation that runs returns or throws, once", link.runs.load());
    }
    for (const callback_record& callback : callbacks_) {
        require(callback.calls == (callback.added ? 1 : 0), "a callback is called once",
                callback.added.load(), callback.calls.load());
        total.callbacks += callback.added;
    }
    // Where no memory was left for it, another exception tells the same.
    require(broken_promises == broken_promises_logged ||
                (faults::of_allocations() && broken_promises_logged < broken_promises),
            "a broken promise is logged once unless looked at", broken_promises.load(),
            broken_promises_logged.load());
    broken_promises = 0;
    broken_promises_logged = 0;
    tasks_.clear();
    links_.clear();
    pools_.clear();
    thrown_.clear();
    callbacks_.clear();
    maps_.clear();
}

}  // namespace endurance
