// SPDX-License-Identifier: MIT

// Each queue by itself: nothing is lost, nothing comes twice, and what one thread pushes comes in order.

#include <concurrent/futures.hpp>

#include <algorithm>
#include <array>
#include <vector>

#include "checker/model.hpp"

namespace {

using namespace concurrent::futures::detail;
using model::check;
using model::checked;
using model::scenario;
using model::thread;

class item final : public work_item {
public:
    item() = default;
    bool execute(worker&) noexcept override { return true; }
    void cancel_waiting() noexcept override {}
    void fail_waiting(std::exception_ptr) noexcept override {}
    void release() noexcept override {}
    [[nodiscard]] bool still_waits() noexcept override { return !stale; }
    [[nodiscard]] bool submitter_may_wait() noexcept override { return true; }

    using work_item::set_known_early;

    // By whoever has taken it out.
    void take() {
        check(times.get() == 0, "an item is taken out once");
        times.set(times.get() + 1);
    }

    checked<int> times{0};  // written before it is pushed and after it is popped
    bool stale = false;
};

template <class Queue, std::size_t count = 3>
struct items_in {
    Queue queue;
    std::array<item, count> items;

    void push(std::size_t index) {
        items[index].times.set(0);
        check(queue.push(items[index], [] { return true; }), "a queue takes an item that is admitted");
    }
    // The number of the item, or -1.
    int pop() { return number(queue.pop()); }
    int number(work_item* popped) {
        if (!popped) {
            return -1;
        }
        const auto found =
            std::find_if(items.begin(), items.end(), [&](item& each) { return &each == popped; });
        found->take();
        return static_cast<int>(found - items.begin());
    }
    // Those that are left.
    std::vector<int> take_all() {
        std::vector<int> numbers;
        work_list all = queue.take_all();
        while (work_item* const each = all.take_first()) {
            numbers.push_back(number(each));
        }
        return numbers;
    }
    void check_all_taken(std::size_t pushed) {
        check(take_all().empty(), "nothing is left");
        check(queue.size() == 0 && queue.seems_empty(), "the queue is empty");
        for (std::size_t index = 0; index != pushed; ++index) {
            check(items[index].times.get() == 1, "each item was taken out once");
        }
    }
};

// Two threads push one each, and one pops until it has both.
template <class Queue>
void two_push() {
    items_in<Queue> all;
    thread one([&] { all.push(0); });
    thread two([&] { all.push(1); });
    int left = 2;
    for (int attempt = 0; attempt != 2; ++attempt) {
        left -= all.pop() != -1;
    }
    one.join();
    two.join();
    while (left-- != 0) {
        check(all.pop() != -1, "what was pushed is there");
    }
    all.check_all_taken(2);
}

// One thread pushes two; two others pop.
template <class Queue>
void two_pop() {
    items_in<Queue> all;
    int popped = 0;
    thread one([&] { popped += all.pop() != -1; });
    all.push(0);
    all.push(1);
    int mine = 0;
    mine += all.pop() != -1;
    one.join();
    mine += all.pop() != -1;
    mine += all.pop() != -1;
    check(popped + mine == 2, "nothing is lost, nothing comes twice");
    all.check_all_taken(2);
}

// What one thread pushes comes in order to the one that pops.
template <class Queue>
void in_order() {
    items_in<Queue> all;
    thread popper([&] {
        int last = -1;
        for (int attempt = 0; attempt != 3; ++attempt) {
            const int next = all.pop();
            check(next == -1 || next == last + 1, "the oldest comes first");
            last = std::max(last, next);
        }
    });
    all.push(0);
    all.push(1);
    all.push(2);
    popper.join();
}

// Closing against pushing: either the push is refused, or the closer sees the item.
template <class Queue>
void close_and_push() {
    items_in<Queue> all;
    model::atomic<bool> closed{false};
    bool pushed = false;
    thread pusher([&] {
        all.items[0].times.set(0);
        pushed = all.queue.push(all.items[0], [&] { return !closed.load(); });
    });
    closed.store(true);
    const auto seen = all.take_all().size();
    pusher.join();
    check(seen == (pushed ? 1 : 0), "the closer sees what was not refused");
}

// `sleep` relies on this promise. One thread announces something, and then reads `size()`. Another thread
// pushes. Either the first thread sees the pushed item, or the push sees the announcement.
template <class Queue>
void look_and_push() {
    items_in<Queue> all;
    model::atomic<bool> wanted{false};
    bool wakes = false;
    thread pusher([&] {
        all.items[0].times.set(0);
        static_cast<void>(all.queue.push(all.items[0], [&] {
            wakes = wanted.load();
            return true;
        }));
    });
    wanted.store(true);
    const bool seen = all.queue.size() != 0;
    pusher.join();
    check(seen || wakes, "one of the two sees the other");
}

// What nobody has taken out is counted at any time, also while a pop moves it about.
template <class Queue>
void look_and_pop() {
    items_in<Queue> all;
    all.push(0);
    all.push(1);
    thread popper([&] { check(all.pop() != -1, "an item is there"); });
    check(all.queue.size() != 0, "the other item is counted");
    popper.join();
    check(all.queue.size() == 1, "one is left");
}

// Who takes all against who pops.
template <class Queue>
void take_all_and_pop() {
    items_in<Queue> all;
    all.push(0);
    all.push(1);
    int popped = -1;
    thread popper([&] { popped = all.pop(); });
    const auto taken = all.take_all();
    popper.join();
    check(taken.size() + (popped != -1) == 2, "nothing is lost, nothing comes twice");
    check(std::is_sorted(taken.begin(), taken.end()) || std::is_sorted(taken.rbegin(), taken.rend()),
          "they are in order");
    all.check_all_taken(2);
}

// Stale items are purged while others pop: each goes one way.
template <class Queue>
void purge_and_pop() {
    constexpr std::size_t enough = 66;  // to pay, also when two are gone
    items_in<Queue, enough> all;
    model::atomic<std::ptrdiff_t> stale{enough - 1};
    for (std::size_t index = 0; index != enough; ++index) {
        all.items[index].stale = index != enough / 2;
        all.push(index);
    }
    std::size_t popped = 0;
    thread popper([&] {
        popped += all.pop() != -1;
        popped += all.pop() != -1;
    });
    work_list taken = all.queue.purge(stale);
    const std::size_t purged = taken.size();
    while (work_item* const each = taken.take_first()) {
        check(!each->still_waits(), "what waits is not purged");
        static_cast<void>(all.number(each));
    }
    popper.join();
    check(purged >= enough - 3 && all.queue.size() == enough - popped - purged, "what is left is counted");
    check(stale.load() == static_cast<std::ptrdiff_t>(enough - 1 - purged), "stale items are counted");
    check(all.take_all().size() == enough - popped - purged, "nothing is lost, nothing comes twice");
}

// A local queue with an owner, so that its lock may be biased.
struct list_of_waits {
    blocked_wait_list waits;
};
class owned_queue : private list_of_waits, public local_queue {
public:
    owned_queue() : local_queue(waits) {}
};

using locked_lifo = locked_queue<lifo_order>;
using locked_priority = locked_queue<priority_order>;

const scenario fifo_two_push("fifo_queue: two push, one pops", {}, two_push<fifo_queue>);
const scenario fifo_two_pop("fifo_queue: one pushes, two pop", {}, two_pop<fifo_queue>);
const scenario fifo_in_order("fifo_queue: what one pushes comes in order", {}, in_order<fifo_queue>);
const scenario fifo_close("fifo_queue: closing sees what was not refused", {}, close_and_push<fifo_queue>);
const scenario fifo_look("fifo_queue: looking and pushing see each other", {}, look_and_push<fifo_queue>);
const scenario fifo_look_and_pop("fifo_queue: what waits is counted while another item is popped", {},
                                 look_and_pop<fifo_queue>);
const scenario fifo_take_all("fifo_queue: taking all against popping", {}, take_all_and_pop<fifo_queue>);

const scenario lifo_two_push("locked_queue, lifo: two push, one pops", {}, two_push<locked_lifo>);
const scenario lifo_two_pop("locked_queue, lifo: one pushes, two pop", {}, two_pop<locked_lifo>);
const scenario lifo_close("locked_queue, lifo: closing sees what was not refused", {},
                          close_and_push<locked_lifo>);
const scenario lifo_look("locked_queue, lifo: looking and pushing see each other", {},
                         look_and_push<locked_lifo>);
const scenario lifo_look_and_pop("locked_queue, lifo: what waits is counted while another is popped", {},
                                 look_and_pop<locked_lifo>);
const scenario lifo_take_all("locked_queue, lifo: taking all against popping", {},
                             take_all_and_pop<locked_lifo>);

const scenario priority_two_push("locked_queue, priority: two push, one pops", {}, two_push<locked_priority>);
const scenario priority_two_pop("locked_queue, priority: one pushes, two pop", {}, two_pop<locked_priority>);
const scenario priority_in_order("locked_queue, priority: what one pushes comes in order", {},
                                 in_order<locked_priority>);

const scenario local_two_pop("local_queue: the owner and another pop", {}, two_pop<local_queue>);
const scenario local_in_order("local_queue: what the owner pushes comes in order", {}, in_order<local_queue>);
const scenario local_close("local_queue: closing sees what was not refused", {}, close_and_push<local_queue>);
const scenario local_look("local_queue: looking and pushing see each other", {}, look_and_push<local_queue>);
const scenario local_look_and_pop("local_queue: what waits is counted while another is popped", {},
                                  look_and_pop<local_queue>);
const scenario local_take_all("local_queue: taking all against popping", {}, take_all_and_pop<local_queue>);

const scenario fifo_purge("fifo_queue: purging against popping", {}, purge_and_pop<fifo_queue>);
const scenario lifo_purge("locked_queue, lifo: purging against popping", {}, purge_and_pop<locked_lifo>);
const scenario priority_purge("locked_queue, priority: purging against popping", {},
                              purge_and_pop<locked_priority>);
const scenario local_purge("local_queue: purging against popping", {.preemptions = 2},
                           purge_and_pop<local_queue>);

template <class Queue>
void take_back_what_others_pop() {
    items_in<Queue> all;
    thread thief([&] { static_cast<void>(all.pop()); });
    thread other_thief([&] { static_cast<void>(all.pop()); });
    all.push(0);
    all.push(1);
    if (all.queue.take_back(all.items[1], &all.queue)) {
        all.items[1].take();
    }
    if (all.queue.take_back(all.items[0], &all.queue)) {
        all.items[0].take();
    }
    thief.join();
    other_thief.join();
    check(!all.queue.take_back(all.items[0], &all.queue), "what was taken out isn't there");
    all.check_all_taken(2);
}

const scenario local_take_back("local_queue: the owner takes back what others pop", {},
                               take_back_what_others_pop<local_queue>);
const scenario biased_two_thieves("local_queue, biased: the owner takes back what two others pop",
                                  {.preemptions = 2, .biases = true}, take_back_what_others_pop<owned_queue>);

const scenario biased_take_back("local_queue, biased: the owner takes back and pops what another pops",
                                {.biases = true}, [] {
                                    items_in<owned_queue> all;
                                    thread thief([&] {
                                        static_cast<void>(all.pop());
                                        static_cast<void>(all.pop());
                                    });
                                    all.push(0);
                                    all.push(1);
                                    if (all.queue.take_back(all.items[1], &all.queue)) {
                                        all.items[1].take();
                                    }
                                    static_cast<void>(all.number(all.queue.pop_own()));
                                    thief.join();
                                    while (all.pop() != -1) {
                                    }
                                    all.check_all_taken(2);
                                });

const scenario biased_foreign_take_back(
    "local_queue, biased: another thread takes back what the owner pushes and pops", {.biases = true}, [] {
        items_in<owned_queue> all;
        all.push(0);
        thread other([&] {
            if (all.queue.take_back(all.items[0], nullptr)) {
                all.items[0].take();
            }
        });
        all.push(1);
        static_cast<void>(all.number(all.queue.pop_own()));
        other.join();
        while (all.pop() != -1) {
        }
        all.check_all_taken(2);
    });

const scenario biased_close("local_queue, biased: closing sees what was not refused", {.biases = true}, [] {
    items_in<owned_queue> all;
    model::atomic<bool> closed{false};
    bool pushed = false;
    thread owner([&] {
        all.push(1);
        static_cast<void>(all.number(all.queue.pop_own()));  // unless the closer has it
        all.items[0].times.set(0);
        pushed = all.queue.push(all.items[0], [&] { return !closed.load(); });
    });
    closed.store(true);
    const auto seen = all.take_all();
    owner.join();
    const bool sees = std::find(seen.begin(), seen.end(), 0) != seen.end();
    check(sees == pushed, "the closer sees what was not refused");
});

const scenario local_two_queues("local_queue: what another worker has stolen and pushed is not taken back",
                                {}, [] {
                                    items_in<local_queue> mine;
                                    local_queue others;
                                    thread thief([&] {
                                        if (work_item* const stolen = mine.queue.pop()) {
                                            check(others.push(*stolen, [] { return true; }),
                                                  "a queue takes an item that is admitted");
                                        }
                                    });
                                    mine.push(0);
                                    const bool back = mine.queue.take_back(mine.items[0], &mine.queue);
                                    thief.join();
                                    check(back != (others.size() != 0), "it is in one place");
                                });

const scenario local_runs_meanwhile(
    "local_queue: what a thread claims while another pushes it is known to run there, also once it is popped",
    {}, [] {
        local_queue theirs;
        local_queue mine;
        item known;
        known.set_known_early();
        thread pusher([&] {
            check(theirs.push(known, [] { return true; }), "a queue takes an item that is admitted");
        });
        thread thief([&] { static_cast<void>(theirs.pop()); });
        static_cast<void>(local_queue::take_back(known, &mine));
        mine.note_running(known, true);
        pusher.join();
        thief.join();
        static_cast<void>(theirs.pop());
        check(theirs.size() == 0, "nothing is left");
        check(local_queue::queue_of_runner(known) == &mine, "it is known to run");
    });

// The owner runs a task that pushes one item, and then another that pushes the next; a helper waits for the
// first task.
const scenario local_helped(
    "local_queue: what was pushed since a task began is taken while it runs, and no more", {}, [] {
        items_in<local_queue> all;
        item task;
        model::atomic<bool> done{false};
        all.push(0);  // before the task
        thread helper([&] {
            local_queue* const queue = local_queue::queue_of_runner(task);
            if (!queue) {
                return;
            }
            const int taken = all.number(
                queue->take_pushed_since(task, [&] { return !done.load(std::memory_order_acquire); }));
            check(taken == -1 || taken == 1, "what the task has not pushed is left");
        });
        all.queue.note_running(task, true);
        all.push(1);
        if (all.queue.take_back(all.items[1], &all.queue)) {
            all.items[1].take();
        }
        done.store(true, std::memory_order_release);
        all.push(2);  // by another task
        helper.join();
        check(all.number(all.queue.pop()) == 0, "the first is left");
        check(all.number(all.queue.pop()) == 2, "the last is left");
    });

}  // namespace
