// SPDX-License-Identifier: MIT

#include "machine.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <queue>
#include <unordered_map>
#include <utility>

#include "checker/fiber.hpp"
#include "costs.hpp"
#include "memory.hpp"

namespace simulation {
namespace {

class machine {
public:
    explicit machine(std::size_t cores) : is_idle_(cores, true), written_at_(cores) {}

    void run(void (*body)());

    [[nodiscard]] std::size_t cores() const noexcept { return is_idle_.size(); }
    [[nodiscard]] std::size_t this_thread() const noexcept { return current_; }
    [[nodiscard]] std::int64_t& clock() noexcept { return self().clock; }

    void use(const void* address, access kind, place where);
    void construct(const void* address, place where);

    void yield();
    void interrupt_all() noexcept;
    bool sleep_on(const void* address, std::int64_t until);
    void wake(const void* address, std::size_t most);
    std::size_t start(void (*body)(void*), void* argument);
    void join(std::size_t number);
    void give_way();

    void start_measuring();
    [[nodiscard]] measurement stop_measuring();

private:
    static constexpr std::size_t no_core = most_cores;

    struct thread {
        model::fiber own;
        void (*body)(void*) = nullptr;
        void* argument = nullptr;

        std::int64_t clock = 0;
        std::size_t core = no_core;
        std::size_t last_core = no_core;
        std::int64_t has_core_since = 0;
        std::int64_t interrupted = 0;  // for so long since it last went on
        std::uint64_t sleeps = 0;      // how often it has slept or was woken: tells a time limit that is over
        const void* sleeps_on = nullptr;
        bool was_woken = false;
        bool has_ended = false;
    };

    // A thread that will go on at a time: it has a core, or wants one from then on.
    struct appointment {
        std::int64_t time;
        std::uint64_t number;  // of those at one time, the first that was made comes first
        std::size_t thread;
        std::uint64_t sleeps;
        bool operator>(const appointment& other) const noexcept {
            return time != other.time ? time > other.time : number > other.number;
        }
    };

    [[noreturn]] static void thread_main();

    thread& self() noexcept { return threads_[current_]; }

    void make_appointment(std::size_t number, std::int64_t time) {
        appointments_.push({time, appointments_made_++, number, threads_[number].sleeps});
    }
    // The calling thread does not go on before its next appointment.
    void go_on_with_next();
    void switch_to(std::size_t next);

    void want_core(std::size_t number);
    void give_core(std::size_t core, std::size_t number);
    void leave_core();
    [[nodiscard]] std::size_t idle_core_for(const thread& wanting) const noexcept;

    std::vector<bool> is_idle_;
    std::vector<std::int64_t> written_at_;  // when a core's writes so far are done
    cache cache_;
    std::deque<thread> threads_;
    std::size_t current_ = 0;
    std::size_t alive_ = 0;
    model::fiber launcher_;
    std::priority_queue<appointment, std::vector<appointment>, std::greater<>> appointments_;
    std::uint64_t appointments_made_ = 0;
    std::deque<std::size_t> wanting_;  // threads without a core
    std::unordered_map<const void*, std::deque<std::size_t>> sleepers_;
    std::int64_t measured_from_ = 0;
    std::int64_t fenced_at_ = 0;  // the system has one fence after the other
};

machine* active = nullptr;
measurement last;

void machine::run(void (*body)()) {
    start([](void* function) { reinterpret_cast<void (*)()>(function)(); }, reinterpret_cast<void*>(body));
    want_core(0);
    appointments_.pop();
    launcher_.switch_to(self().own);
}

void machine::thread_main() {
    {
        const memory::inside own;
        thread& self = active->self();
        self.body(self.argument);
    }
    active->give_way();
    thread& self = active->self();
    self.has_ended = true;
    active->wake(&self, most_threads);
    active->leave_core();
    if (--active->alive_ == 0) {
        self.own.switch_to(active->launcher_);
    }
    active->go_on_with_next();
    std::abort();
}

// Threads and cores.

void machine::give_way() {
    const memory::outside own;
    thread& me = self();
    if (!wanting_.empty() && me.clock - me.has_core_since >= costs::slice) {
        yield();
    }
    if (!appointments_.empty() && appointments_.top().time < me.clock) {
        make_appointment(current_, me.clock);
        go_on_with_next();
    }
}

void machine::go_on_with_next() {
    for (;;) {
        if (appointments_.empty()) {
            fail("no thread can go on, and not all have ended");
        }
        const appointment next = appointments_.top();
        appointments_.pop();
        thread& chosen = threads_[next.thread];
        if (chosen.sleeps != next.sleeps) {
            continue;  // it was woken before its time was up
        }
        chosen.clock = next.time;
        if (chosen.core != no_core) {
            switch_to(next.thread);
            return;
        }
        if (chosen.sleeps_on) {
            std::erase(sleepers_[chosen.sleeps_on], next.thread);
            chosen.sleeps_on = nullptr;
            ++chosen.sleeps;
        }
        want_core(next.thread);
    }
}

void machine::switch_to(std::size_t next) {
    if (next != current_) {
        thread& me = self();
        current_ = next;
        memory::belongs_to(next);
        me.own.switch_to(threads_[next].own);
    }
}

void machine::want_core(std::size_t number) {
    const std::size_t core = idle_core_for(threads_[number]);
    if (core == no_core) {
        wanting_.push_back(number);
    } else {
        give_core(core, number);
    }
}

// As Linux does, where the thread was last, as long as that is idle.
std::size_t machine::idle_core_for(const thread& wanting) const noexcept {
    if (wanting.last_core != no_core && is_idle_[wanting.last_core]) {
        return wanting.last_core;
    }
    for (std::size_t core = 0; core != is_idle_.size(); ++core) {
        if (is_idle_[core]) {
            return core;
        }
    }
    return no_core;
}

void machine::give_core(std::size_t core, std::size_t number) {
    thread& its = threads_[number];
    is_idle_[core] = false;
    its.core = core;
    its.last_core = core;
    its.has_core_since = its.clock;
    make_appointment(number, its.clock);
}

void machine::leave_core() {
    thread& me = self();
    const std::size_t core = std::exchange(me.core, no_core);
    is_idle_[core] = true;
    if (!wanting_.empty()) {
        const std::size_t next = wanting_.front();
        wanting_.pop_front();
        threads_[next].clock = std::max(threads_[next].clock, me.clock) + costs::context_switch;
        give_core(core, next);
    }
}

void machine::yield() {
    const memory::outside own;
    if (!wanting_.empty()) {
        leave_core();
        wanting_.push_back(current_);
        go_on_with_next();
    }
}

// Memory.

void machine::use(const void* address, access kind, place where) {
    give_way();
    const memory::outside own;
    thread& me = self();
    me.clock += std::exchange(me.interrupted, 0);
    if (kind == access::read_modify_write) {
        me.clock = std::max(me.clock, written_at_[me.core]);
    }
    const std::int64_t at = cache_.ask(me.core, address, kind, me.clock);
    if (at != me.clock) {
        cache_.note_lost(address, where, at - me.clock);
        me.clock = at;
        give_way();
    }
    me.clock += costs::hit + (kind == access::read_modify_write ? costs::read_modify_write : 0);
}

// A core does not wait for what it only writes, but its next read-modify-write does.
void machine::construct(const void* address, place where) {
    const memory::outside own;
    thread& me = self();
    const std::int64_t at = cache_.ask(me.core, address, access::write, me.clock);
    cache_.note_lost(address, where, at - me.clock);
    written_at_[me.core] = std::max(written_at_[me.core], at);
}

// Sleeping and waking.

void machine::interrupt_all() noexcept {
    give_way();
    const memory::outside own;
    clock() = std::max(clock(), fenced_at_) + costs::membarrier;
    fenced_at_ = clock();
    for (thread& each : threads_) {
        if (each.core != no_core && &each != &self()) {
            each.interrupted += costs::interrupt;
        }
    }
}

bool machine::sleep_on(const void* address, std::int64_t until) {
    const memory::outside own;
    thread& me = self();
    ++me.sleeps;
    me.was_woken = false;
    if (address) {
        me.sleeps_on = address;
        sleepers_[address].push_back(current_);
    }
    if (until != never) {
        make_appointment(current_, std::max(until, me.clock));
    }
    leave_core();
    go_on_with_next();
    return me.was_woken;
}

void machine::wake(const void* address, std::size_t most) {
    const memory::outside own;
    const auto found = sleepers_.find(address);
    if (found == sleepers_.end()) {
        return;
    }
    std::deque<std::size_t>& all = found->second;
    for (; most != 0 && !all.empty(); --most) {
        const std::size_t number = all.front();
        all.pop_front();
        thread& woken = threads_[number];
        woken.sleeps_on = nullptr;
        woken.was_woken = true;
        ++woken.sleeps;
        make_appointment(number, clock() + costs::wake_latency);
        clock() += costs::wake_by_waker;
    }
}

std::size_t machine::start(void (*body)(void*), void* argument) {
    const memory::outside own;
    const std::size_t number = threads_.size();
    if (number == most_threads) {
        fail("a scenario has too many threads");
    }
    thread& started = threads_.emplace_back();
    ++alive_;
    started.body = body;
    started.argument = argument;
    started.own.start(thread_main, memory::stack(number));
    if (number != 0) {
        make_appointment(number, clock() + costs::thread_latency);
        clock() += costs::thread_by_starter;
    }
    return number;
}

void machine::join(std::size_t number) {
    give_way();
    while (!threads_[number].has_ended) {
        sleep_on(&threads_[number], never);
    }
}

// Measuring.

void machine::start_measuring() {
    const memory::outside own;
    cache_.forget_statistics();
    measured_from_ = clock();
}

measurement machine::stop_measuring() {
    const memory::outside own;
    return {clock() - measured_from_, cache_.lines()};
}

}  // namespace

void fail(const std::string& what) {
    std::fprintf(stderr, "simulation: %s\n", what.c_str());
    std::_Exit(1);
}

void run(std::size_t cores, void (*body)()) {
    machine its(cores);
    active = &its;
    its.run(body);
    active = nullptr;
}

std::size_t cores() noexcept {
    return active->cores();
}
bool is_simulated() noexcept {
    return active != nullptr;
}

void use(const void* address, access kind, place where) {
    if (active) {
        active->use(address, kind, where);
    }
}
void construct(const void* address, place where) {
    if (active) {
        active->construct(address, where);
    }
}

std::int64_t now() noexcept {
    return active ? active->clock() : 0;
}
void work(std::int64_t nanoseconds) noexcept {
    if (active) {
        active->clock() += nanoseconds;
    }
}
void yield() {
    enter_kernel();
    active->yield();
}
void interrupt_all() noexcept {
    if (active) {
        active->interrupt_all();
    }
}
void sleep_until(std::int64_t time) {
    enter_kernel();
    active->sleep_on(nullptr, time);
}

void enter_kernel() {
    work(costs::yield);
    active->give_way();
}
bool sleep_on(const void* address, std::int64_t until) {
    return active->sleep_on(address, until);
}
void wake(const void* address, std::size_t most) {
    active->give_way();
    active->wake(address, most);
}

std::size_t start_thread(void (*body)(void*), void* argument) {
    active->give_way();
    return active->start(body, argument);
}
void join_thread(std::size_t number) {
    active->join(number);
}
std::size_t this_thread() noexcept {
    return active->this_thread();
}

void start_measuring() {
    active->give_way();
    active->start_measuring();
}
void stop_measuring() {
    active->give_way();
    last = active->stop_measuring();
}
const measurement& measured() noexcept {
    return last;
}

}  // namespace simulation
