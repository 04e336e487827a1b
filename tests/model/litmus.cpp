// SPDX-License-Identifier: MIT

// What the checker itself can find, and what it must not: small programs of which the standard says what they
// may do.

#include "checker/model.hpp"

namespace {

using model::atomic;
using model::check;
using model::checked;
using model::scenario;
using model::thread;

constexpr auto relaxed = std::memory_order_relaxed;
constexpr auto acquire = std::memory_order_acquire;
constexpr auto release = std::memory_order_release;
constexpr auto acq_rel = std::memory_order_acq_rel;

template <std::memory_order write, std::memory_order read>
void pass_message() {
    checked<int> message;
    atomic<bool> sent{false};
    thread sender([&] {
        message.set(1);
        sent.store(true, write);
    });
    if (sent.load(read)) {
        check(message.get() == 1, "the message is what was sent");
    }
    sender.join();
}

const scenario passed_by_release("a message passed by release and acquire is no race", {},
                                 pass_message<release, acquire>);
const scenario passed_by_default("a message passed by the default order is no race", {},
                                 pass_message<std::memory_order_seq_cst, std::memory_order_seq_cst>);
const scenario relaxed_store("a message passed by a relaxed store is a race", {.finds = "data race"},
                             pass_message<relaxed, acquire>);
const scenario relaxed_load("a message passed to a relaxed load is a race", {.finds = "data race"},
                            pass_message<release, relaxed>);

template <std::memory_order write, std::memory_order read>
void buffer_stores() {
    atomic<int> x{0};
    atomic<int> y{0};
    int read_x = -1;
    thread other([&] {
        y.store(1, write);
        read_x = x.load(read);
    });
    x.store(1, write);
    const int read_y = y.load(read);
    other.join();
    check(read_x == 1 || read_y == 1, "one of two threads sees what the other wrote");
}

const scenario buffered("two stores may both be late, if they are release", {.finds = "sees what the other"},
                        buffer_stores<release, acquire>);
const scenario not_buffered("of two stores one is in time, if they are sequentially consistent", {},
                            buffer_stores<std::memory_order_seq_cst, std::memory_order_seq_cst>);

const scenario fenced("of two relaxed stores one is in time, if one thread fences all", {}, [] {
    atomic<int> x{0};
    atomic<int> y{0};
    int read_x = -1;
    thread other([&] {
        y.store(1, relaxed);
        read_x = x.load(relaxed);
    });
    x.store(1, relaxed);
    model::fence_all();
    const int read_y = y.load(relaxed);
    other.join();
    check(read_x == 1 || read_y == 1, "one of two threads sees what the other wrote");
});
const scenario fenced_message("a message passed by fencing all is a race", {.finds = "data race"}, [] {
    checked<int> message;
    atomic<bool> sent{false};
    thread sender([&] {
        message.set(1);
        sent.store(true, relaxed);
    });
    model::fence_all();
    if (sent.load(relaxed)) {
        check(message.get() == 1, "the message is what was sent");
    }
    sender.join();
});

template <std::memory_order write, std::memory_order read>
void read_independent_writes() {
    atomic<int> x{0};
    atomic<int> y{0};
    int first[2] = {};
    int second[2] = {};
    thread writes_x([&] { x.store(1, write); });
    thread writes_y([&] { y.store(1, write); });
    thread reader([&] {
        first[0] = x.load(read);
        first[1] = y.load(read);
    });
    second[0] = y.load(read);
    second[1] = x.load(read);
    writes_x.join();
    writes_y.join();
    reader.join();
    check(!(first[0] == 1 && first[1] == 0 && second[0] == 1 && second[1] == 0),
          "two readers agree which of two writes came first");
}

const scenario disagreeing("two readers may see two writes in either order, if they are release",
                           {.finds = "two readers agree"}, read_independent_writes<release, acquire>);
const scenario agreeing("two readers see two writes in one order, if they are sequentially consistent", {},
                        read_independent_writes<std::memory_order_seq_cst, std::memory_order_seq_cst>);

const scenario coherent("one thread never sees an atomic go back, whatever the order", {}, [] {
    atomic<int> x{0};
    thread writer([&] {
        x.store(1, relaxed);
        x.store(2, relaxed);
    });
    const int before = x.load(relaxed);
    const int after = x.load(relaxed);
    check(before <= after, "what was read last is not older than what was read first");
    writer.join();
    check(x.load(relaxed) == 2, "a thread that was joined has written all");
});

const scenario coherent_for_others("what one thread has read, another that knows of that does not unread", {},
                                   [] {
                                       atomic<int> x{0};
                                       atomic<int> told{0};
                                       thread writer([&] { x.store(1, relaxed); });
                                       thread reader([&] {
                                           if (x.load(relaxed) == 1) {
                                               told.store(1, release);
                                           }
                                       });
                                       if (told.load(acquire) == 1) {
                                           check(x.load(relaxed) == 1,
                                                 "it reads what the other has read, or newer");
                                       }
                                       writer.join();
                                       reader.join();
                                   });

const scenario stale("a relaxed load may see an old value after it saw a newer one of another atomic",
                     {.finds = "x is not older"}, [] {
                         atomic<int> x{0};
                         atomic<int> y{0};
                         thread writer([&] {
                             x.store(1, relaxed);
                             y.store(1, relaxed);
                         });
                         if (y.load(relaxed) == 1) {
                             check(x.load(relaxed) == 1, "x is not older than y");
                         }
                         writer.join();
                     });

const scenario released_through("a read-modify-write by another thread hands on what was released", {}, [] {
    checked<int> message;
    atomic<int> count{0};
    thread sender([&] {
        message.set(1);
        count.store(1, release);
    });
    thread other([&] { count.fetch_add(10, relaxed); });
    if (count.load(acquire) % 10 == 1) {
        check(message.get() == 1, "the message is what was sent");
    }
    sender.join();
    other.join();
});

const scenario not_released_through("a plain relaxed store hands on nothing", {.finds = "data race"}, [] {
    checked<int> message;
    atomic<int> count{0};
    thread sender([&] {
        message.set(1);
        count.store(1, release);
    });
    thread other([&] {
        if (count.load(relaxed) == 1) {
            count.store(2, relaxed);
        }
    });
    if (count.load(acquire) == 2) {
        static_cast<void>(message.get());
    }
    sender.join();
    other.join();
});

const scenario counted("no read-modify-write is lost", {}, [] {
    atomic<int> count{0};
    thread other([&] {
        count.fetch_add(1, relaxed);
        count.fetch_add(1, relaxed);
    });
    count.fetch_add(1, relaxed);
    count.fetch_add(1, relaxed);
    other.join();
    check(count.load(relaxed) == 4, "each was counted");
});

const scenario miscounted("an addition by a load and a store is lost", {.finds = "each was counted"}, [] {
    atomic<int> count{0};
    const auto add = [&] { count.store(count.load(acquire) + 1, release); };
    thread other(add);
    add();
    other.join();
    check(count.load(relaxed) == 2, "each was counted");
});

const scenario last_reference("who gives up the last reference by acquire and release may destroy", {}, [] {
    auto* const value = new checked<int>(1);
    atomic<int> references{2};
    const auto give_up = [&] {
        static_cast<void>(value->get());
        if (references.fetch_sub(1, acq_rel) == 1) {
            delete value;
        }
    };
    thread other(give_up);
    give_up();
    other.join();
});

const scenario last_reference_relaxed("who gives up the last reference by release alone may not destroy",
                                      {.finds = "data race"}, [] {
                                          auto* const value = new checked<int>(1);
                                          atomic<int> references{2};
                                          const auto give_up = [&] {
                                              static_cast<void>(value->get());
                                              if (references.fetch_sub(1, release) == 1) {
                                                  delete value;
                                              }
                                          };
                                          thread other(give_up);
                                          give_up();
                                          other.join();
                                      });

const scenario guarded("what a mutex guards is no race", {}, [] {
    model::mutex mutex;
    checked<int> count;
    const auto add = [&] {
        const std::lock_guard lock(mutex);
        count.set(count.get() + 1);
    };
    thread one(add);
    thread two(add);
    add();
    one.join();
    two.join();
    check(count.get() == 3, "each was counted");
});

const scenario unguarded("what nothing guards is a race", {.finds = "data race"}, [] {
    checked<int> count;
    const auto add = [&] { count.set(count.get() + 1); };
    thread other(add);
    add();
    other.join();
});

const scenario two_mutexes("two mutexes locked in either order are a deadlock", {.finds = "deadlock"}, [] {
    model::mutex a;
    model::mutex b;
    thread other([&] {
        const std::lock_guard first(b);
        const std::lock_guard second(a);
    });
    {
        const std::lock_guard first(a);
        const std::lock_guard second(b);
    }
    other.join();
});

const scenario spinning_forever("spinning for what nobody writes is a deadlock", {.finds = "deadlock"}, [] {
    atomic<bool> set{false};
    while (!set.load(acquire)) {
        model::pause();
    }
});

const scenario spinning("spinning ends when another thread writes", {}, [] {
    checked<int> message;
    atomic<bool> set{false};
    thread other([&] {
        message.set(1);
        set.store(true, release);
    });
    while (!set.load(acquire)) {
        model::pause();
    }
    check(message.get() == 1, "the message is what was sent");
    other.join();
});

// A place to sleep, and what is often wrong with it.
struct sleeping_place {
    model::mutex mutex;
    model::condition_variable changed;
    bool woken = false;
};

const scenario woken("a thread that looks under the mutex before it sleeps is woken", {}, [] {
    sleeping_place place;
    thread sleeper([&] {
        std::unique_lock lock(place.mutex);
        place.changed.wait(lock, [&] { return place.woken; });
    });
    {
        const std::lock_guard lock(place.mutex);
        place.woken = true;
    }
    place.changed.notify_one();
    sleeper.join();
});

const scenario not_woken("a thread that looks before it takes the mutex may sleep for ever",
                         {.finds = "lost wake-up"}, [] {
                             sleeping_place place;
                             atomic<bool> is_woken{false};
                             thread sleeper([&] {
                                 if (!is_woken.load()) {
                                     std::unique_lock lock(place.mutex);
                                     bool looked = false;
                                     place.changed.wait(lock, [&] { return std::exchange(looked, true); });
                                 }
                             });
                             is_woken.store(true);
                             place.changed.notify_one();
                             sleeper.join();
                         });

const scenario timed_out("a wait with a time limit may end by either", {.finds = "both were seen"}, [] {
    using concurrent::futures::detail::sync::steady_clock;
    sleeping_place place;
    thread waker([&] {
        const std::lock_guard lock(place.mutex);
        place.woken = true;
        place.changed.notify_one();
    });
    bool in_time = false;
    {
        std::unique_lock lock(place.mutex);
        in_time = place.changed.wait_until(lock, steady_clock::now() + std::chrono::hours(1),
                                           [&] { return place.woken; });
    }
    waker.join();
    static bool seen[2] = {};
    seen[in_time] = true;
    check(!(seen[0] && seen[1]), "not both were seen");
});

const scenario used_after_deletion("an atomic that was deleted is used no more",
                                   {.finds = "use after destruction"}, [] {
                                       auto* const flag = new atomic<bool>(false);
                                       thread other([=] { static_cast<void>(flag->load(relaxed)); });
                                       delete flag;
                                       other.join();
                                   });

const scenario left_behind("what is never deleted is a leak", {.finds = "leak"},
                           [] { static_cast<void>(new checked<int>(1)); });

const scenario thread_locals("each thread has exceptions and thread-local variables of its own", {}, [] {
    static thread_local int mine = 0;
    atomic<int> steps{0};
    const auto throw_and_catch = [&] {
        mine = 1;
        try {
            steps.fetch_add(1);
            throw 5;
        } catch (int caught) {
            steps.fetch_add(1);
            try {
                throw;
            } catch (int again) {
                steps.fetch_add(1);
                check(caught == 5 && again == 5, "the exception is this thread's");
            }
        }
        check(mine++ == 1, "the variable is this thread's");
    };
    thread other(throw_and_catch);
    throw_and_catch();
    other.join();
});

}  // namespace
