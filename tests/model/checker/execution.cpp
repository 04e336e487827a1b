// SPDX-License-Identifier: MIT

#include "execution.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string_view>

#include "arena.hpp"
#include "failure.hpp"
#include "reserve.hpp"

namespace model {
namespace {

constexpr std::size_t most_steps = 5000;
constexpr int most_idle_pauses = 30;
constexpr std::int64_t tick = 10'000;  // that the clock goes on each time that a thread looks at it

constexpr std::string_view deadlock = "lost wake-up or deadlock: no thread can go on, and not all have ended";

constexpr bool acquires(std::memory_order order) noexcept {
    return order != std::memory_order_relaxed && order != std::memory_order_release;
}

constexpr bool releases(std::memory_order order) noexcept {
    return order == std::memory_order_release || order == std::memory_order_acq_rel ||
           order == std::memory_order_seq_cst;
}

}  // namespace

void fail(const std::string& what) {
    if (!execution::active()) {
        std::fprintf(stderr, "outside an execution: %s\n", what.c_str());
        std::_Exit(1);
    }
    execution::active()->fail(what);
}

// The threads and the explorer.

execution::outcome execution::run(void (*body)()) {
    thread_count_ = 0;
    current_ = 0;
    outcome_ = outcome::finished;
    atomics_.clear();
    mutexes_.clear();
    conditions_.clear();
    plain_.clear();
    foreign_atomics_.clear();
    live_plain_ = 0;
    preemptions_ = 0;
    stale_reads_ = 0;
    writes_ = 0;
    idle_pauses_ = 0;
    sequentially_consistent_ = 0;
    trace_.clear();
    active_ = this;
    ++executions_;
    start([](void* function) { reinterpret_cast<void (*)()>(function)(); }, reinterpret_cast<void*>(body));
    arena::reset();
    explorer_.switch_to(threads_[0].own);
    arena::close();
    active_ = nullptr;
    return outcome_;
}

void execution::thread_main() {
    thread& self = active_->self();
    arena::open();
    self.body(self.argument);
    const arena::left outside;
    active_->event(1);
    self.what = status::finished;
    active_->note("ends", 0, 0, place());
    active_->pick(true);
    std::abort();
}

void execution::abandon(outcome how) {
    outcome_ = how;
    self().own.switch_to(explorer_);
    std::abort();
}

void execution::fail(const std::string& what) {
    failure_ = what;
    abandon(outcome::failed);
}

thread_number execution::start(void (*body)(void*), void* argument) {
    if (thread_count_ == most_threads) {
        fail("a scenario has too many threads");
    }
    thread& started = threads_[thread_count_];
    started.body = body;
    started.argument = argument;
    started.knows = timestamp();
    started.fenced = timestamp();
    started.history = mixed(0, thread_count_);
    started.own_writes = 0;
    started.writes_seen = writes_;
    started.what = status::running;
    if (thread_count_ != 0) {
        event(2);
        started.knows = self().knows;
        started.fenced = self().fenced;
        started.history = mixed(started.history, self().history);
        note("starts a thread", thread_count_, 0, place());
    }
    started.own.start(thread_main, arena::stack(thread_count_));
    return thread_count_++;
}

void execution::join(thread_number number) {
    self().joined = number;
    block(status::joining);
    event(3);
    self().knows.join(threads_[number].knows);
    self().history = mixed(self().history, threads_[number].history);
    note("joins a thread", number, 0, place());
}

void execution::join_others() {
    for (thread_number number = 0; number != thread_count_; ++number) {
        if (number != current_) {
            join(number);
        }
    }
}

// Who goes on.

void execution::give_way() {
    if (trace_.size() > most_steps) {
        fail("livelock: an execution takes too many steps");
    }
    pick(false);
}

void execution::block(status what) {
    if (trace_.size() > most_steps) {
        fail("livelock: an execution takes too many steps");
    }
    self().what = what;
    pick(!can_go_on(current_) || what == status::pausing || what == status::waiting);
    self().what = status::running;
}

bool execution::can_go_on(thread_number number) const {
    const thread& each = threads_[number];
    switch (each.what) {
        case status::running:
            return true;
        case status::locking:
            return !each.mutex->locked;
        case status::waiting:
            return each.timed;  // its time may be up at any moment
        case status::joining:
            return threads_[each.joined].what == status::finished;
        case status::pausing:
            return writes_ - each.own_writes != each.writes_seen;
        case status::finished:
            break;
    }
    return false;
}

// The next thread: this one, unless it is `free` to leave, or another, which counts as a preemption if it
// isn't.
void execution::pick(bool free) {
    std::array<thread_number, most_threads> candidates{};
    std::uint32_t count = 0;
    if (!free) {
        candidates[count++] = current_;
    }
    const auto add = [&](auto wanted) {
        // From the next one on, so that each has its turn.
        thread_number number = current_;
        for (thread_number left = thread_count_; left != 0; --left) {
            number = number + 1 == thread_count_ ? 0 : number + 1;
            if ((free || number != current_) && wanted(threads_[number], number)) {
                candidates[count++] = number;
            }
        }
    };
    bool anybody_waits = false;
    add([&](const thread& each, thread_number number) {
        anybody_waits = anybody_waits || each.what == status::waiting;
        return each.what != status::waiting && can_go_on(number);
    });
    if (anybody_waits) {
        add([&](const thread& each, thread_number number) {
            return each.what == status::waiting && can_go_on(number);
        });
    }
    if (count == 0) {
        add([](const thread& each, thread_number) { return each.what == status::pausing; });
        if (count != 0 && ++idle_pauses_ > most_idle_pauses) {
            fail(std::string(deadlock));
        }
    }
    if (count == 0) {
        const bool all = std::all_of(threads_.begin(), threads_.begin() + thread_count_,
                                     [](const thread& each) { return each.what == status::finished; });
        if (!all) {
            fail(std::string(deadlock));
        }
        if (live_plain_ != 0 || arena::live() != 0) {
            fail("leak: something that the scenario has made is still there when all threads have ended");
        }
        abandon(outcome::finished);
    }
    if (count != 1) {
        if (choices_.is_new() &&
            choices_.was_here(state_hash(free), static_cast<std::uint64_t>(preemptions_))) {
            abandon(outcome::was_here);
        }
        if (!free && preemptions_ == limits_.preemptions) {
            count = 1;
        }
    }
    const std::uint32_t chosen = choices_.choose(count);
    preemptions_ += !free && chosen != 0;
    go_on(candidates[chosen]);
}

void execution::go_on(thread_number next) {
    const thread_number before = current_;
    if (next == before) {
        return;
    }
    current_ = next;
    threads_[before].own.switch_to(threads_[next].own);
}

// What each thread did and saw says which values each atomic had, who holds which mutex, and, as threads are
// deterministic, where each is in its code.
std::uint64_t execution::state_hash(bool free) const {
    std::uint64_t hash = mixed(free ? most_threads : current_, static_cast<std::uint64_t>(stale_reads_));
    for (thread_number number = 0; number != thread_count_; ++number) {
        const thread& each = threads_[number];
        hash = mixed(hash, each.history);
        hash = mixed(hash, static_cast<std::uint64_t>(each.what) * 2 +
                               (each.what == status::pausing && can_go_on(number)));
    }
    return hash;
}

epoch execution::event(std::uint64_t what) {
    self().history = mixed(self().history, what);
    return ++self().knows.seen[current_];
}

// Atomics.

std::uint32_t execution::add_atomic(const void* address, std::uint64_t value) {
    const std::uint32_t number = atomics_.add(address);
    const epoch when = event(4);
    stored first;
    first.value = value;
    first.known[current_] = when;
    first.history = self().history;
    location& added = atomics_[number];
    added.values.clear();
    added.values.push_back(first);
    return number;
}

std::uint64_t execution::load(object_id object, std::memory_order order, place where) {
    give_way();
    location& at = find(atomics_, object, "an atomic");
    timestamp seen = self().knows;
    seen.join(self().fenced);
    std::size_t oldest = at.oldest_visible(seen);
    if (order == std::memory_order_seq_cst) {
        oldest = std::max(oldest, at.sequentially_consistent);
    }
    std::size_t index = at.newest();
    if (oldest != index && stale_reads_ < limits_.stale_reads) {
        index -= choices_.choose(static_cast<std::uint32_t>(index - oldest + 1));
        stale_reads_ += index != at.newest();
    }
    self().writes_seen = writes_of_others() - (index != at.newest());  // there is news, if it was stale
    event(5);
    self().history = mixed(self().history, at.values[index].history);
    know_value(at, index, order);
    note(index == at.newest() ? "reads" : "reads what is stale,", object.number, at.values[index].value,
         where);
    return at.values[index].value;
}

void execution::store(object_id object, std::uint64_t value, std::memory_order order, place where) {
    give_way();
    location& at = find(atomics_, object, "an atomic");
    event(6);
    write_value(at, value, order, nullptr);
    note("writes", object.number, value, where);
}

std::uint64_t execution::modify(object_id object, std::memory_order success, std::memory_order failure,
                                const modification& change, place where) {
    give_way();
    location& at = find(atomics_, object, "an atomic");
    self().writes_seen = writes_of_others();
    const std::size_t index = at.newest();
    const std::uint64_t before = at.values[index].value;
    const std::optional<std::uint64_t> after = change.apply(before);
    event(7);
    self().history = mixed(self().history, at.values[index].history);
    know_value(at, index, after ? success : failure);
    if (after) {
        const timestamp head = at.values[index].released;
        write_value(at, *after, success, &head);
        note("replaces by", object.number, *after, where);
    } else {
        note("compares with", object.number, before, where);
    }
    return before;
}

// `head` is what the value before released, if this write continues its release sequence.
void execution::write_value(location& at, std::uint64_t value, std::memory_order order,
                            const timestamp* head) {
    thread& writer = self();
    writer.history = mixed(writer.history, at.values.back().history);
    if (order == std::memory_order_seq_cst) {
        writer.history = mixed(writer.history, sequentially_consistent_);
        sequentially_consistent_ = writer.history;
        at.sequentially_consistent = at.values.size();
    }
    stored written;
    written.value = value;
    written.history = writer.history;
    written.known[current_] = writer.knows.seen[current_];
    if (releases(order)) {
        written.released = writer.knows;
    }
    if (head) {
        written.released.join(*head);
    }
    at.values.push_back(written);
    ++writes_;
    ++writer.own_writes;
    idle_pauses_ = 0;
}

void execution::know_value(location& at, std::size_t index, std::memory_order order) {
    stored& value = at.values[index];
    epoch& known = value.known[current_];
    if (known == 0) {
        known = self().knows.seen[current_];
    }
    if (acquires(order)) {
        self().knows.join(value.released);
    }
    if (order == std::memory_order_seq_cst) {
        self().history = mixed(self().history, sequentially_consistent_);
        sequentially_consistent_ = self().history;
        at.sequentially_consistent = std::max(at.sequentially_consistent, index);
    }
}

// Mutexes and conditions.

void execution::lock(object_id object) {
    mutex_state& mutex = find(mutexes_, object, "a mutex");
    self().mutex = &mutex;
    block(status::locking);
    find(mutexes_, object, "a mutex");
    event(8);
    mutex.locked = true;
    self().knows.join(mutex.released);
    self().history = mixed(self().history, mutex.history);
    note("locks mutex", object.number, 0, place());
}

void execution::unlock(object_id object) {
    mutex_state& mutex = find(mutexes_, object, "a mutex");
    event(9);
    mutex.locked = false;
    mutex.released = self().knows;
    mutex.history = self().history;
    note("unlocks mutex", object.number, 0, place());
}

bool execution::wait(object_id condition, object_id mutex, std::optional<std::int64_t> until) {
    condition_state& waited = find(conditions_, condition, "a condition variable");
    thread& waiter = self();
    unlock(mutex);
    waiter.history = mixed(waiter.history, waited.history);
    waited.history = waiter.history;
    waited.waiting.push_back(current_);
    note("waits for condition", condition.number, 0, place());
    waiter.mutex = &find(mutexes_, mutex, "a mutex");
    waiter.what = status::waiting;
    waiter.timed = until.has_value();
    pick(true);
    const bool notified = waiter.what == status::locking;
    waiter.what = status::running;
    if (!notified) {
        condition_state& left = find(conditions_, condition, "a condition variable");
        std::erase(left.waiting, current_);
        event(10);
        waiter.history = mixed(waiter.history, left.history);
        left.history = waiter.history;
        waiter.knows.nanoseconds = std::max(waiter.knows.nanoseconds, *until);
        note("was not woken in time, condition", condition.number, 0, place());
    }
    lock(mutex);
    return notified;
}

void execution::notify(object_id object, bool all) {
    give_way();
    condition_state& condition = find(conditions_, object, "a condition variable");
    event(11);
    self().history = mixed(self().history, condition.history);
    std::size_t count = condition.waiting.size();
    note("notifies condition", object.number, count, place());
    std::size_t first = 0;
    if (!all && count > 1) {
        first = choices_.choose(static_cast<std::uint32_t>(count));
        count = 1;
        self().history = mixed(self().history, condition.waiting[first]);
    }
    condition.history = self().history;
    const auto begin = condition.waiting.begin() + static_cast<std::ptrdiff_t>(first);
    const auto end = begin + static_cast<std::ptrdiff_t>(count);
    std::for_each(begin, end, [this](thread_number each) {
        threads_[each].what = status::locking;
        threads_[each].history = mixed(threads_[each].history, self().history);
    });
    condition.waiting.erase(begin, end);
}

// The rest.

void execution::fence_all() {
    give_way();
    event(16);
    for (thread_number number = 0; number != thread_count_; ++number) {
        thread& each = threads_[number];
        if (number != current_) {
            self().fenced.join(each.knows);
            self().history = mixed(self().history, each.history);
            each.fenced.join(self().knows);
            each.history = mixed(each.history, self().history);
        }
    }
    note("fences all", 0, 0, place());
}

bool execution::pause(std::int64_t nanoseconds) {
    const std::uint64_t before = writes_of_others();
    event(12);
    self().knows.nanoseconds += nanoseconds;
    note("pauses", 0, 0, place());
    const bool news = before != self().writes_seen;
    block(status::pausing);
    return news || before != writes_of_others();
}

std::int64_t execution::now() {
    return self().knows.nanoseconds += tick;
}

std::uint32_t execution::choose(std::uint32_t options) {
    const std::uint32_t chosen = choices_.choose(options);
    event(13);
    self().history = mixed(self().history, chosen);
    note("chooses", 0, chosen, place());
    return chosen;
}

std::uint32_t execution::add_plain(const void* address) {
    const std::uint32_t number = plain_.add(address);
    plain_state& added = plain_[number];
    added.writer = current_;
    added.written = self().knows.seen[current_] + 1;
    ++live_plain_;
    return number;
}

void execution::read(object_id object, place where) {
    note("reads checked", object.number, 0, where);
    read_cell(find(plain_, object, "a checked value"));
}

void execution::write(object_id object, place where) {
    note("writes checked", object.number, 0, where);
    write_cell(find(plain_, object, "a checked value"));
}

// What a thread does with plain memory is published by its next event at the earliest.

void execution::read_cell(plain_state& cell) {
    const timestamp& knows = self().knows;
    if (cell.writer != current_ && !knows.includes(cell.writer, cell.written)) {
        fail("data race: memory is read, and nothing orders that after its writing");
    }
    cell.read[current_] = knows.seen[current_] + 1;
}

void execution::check_written(const plain_state& cell) {
    const timestamp& knows = self().knows;
    for (thread_number reader = 0; reader != thread_count_; ++reader) {
        if (reader != current_ && !knows.includes(reader, cell.read[reader])) {
            fail("data race: memory is written, and nothing orders that after its reading");
        }
    }
    if (cell.writer != current_ && !knows.includes(cell.writer, cell.written)) {
        fail("data race: memory is written twice, and nothing orders that");
    }
}

void execution::write_cell(plain_state& cell) {
    check_written(cell);
    cell.writer = current_;
    cell.written = self().knows.seen[current_] + 1;
}

// The library's own memory, as far as the compiler tells of it. Two uses of one variable begin at the same
// byte; only that byte of a use is looked at, and each eighth after it.

namespace {

constexpr std::size_t word = 8;

// Two allocations share no such stretch of memory.
constexpr std::size_t granule = __STDCPP_DEFAULT_NEW_ALIGNMENT__;

// Of each byte, how the execution has used it that is named for it; of each granule, which execution has
// deleted it. Apart from each other, for most of what is deleted was never used.
struct plain_memory {
    plain_state* const uses = reserve_for<plain_state>(arena::extent);
    std::uint64_t* const used_in = reserve_for<std::uint64_t>(arena::extent);
    std::uint64_t* const deleted_in = reserve_for<std::uint64_t>(arena::extent / granule);

    template <class T>
    static T* reserve_for(std::size_t count) {
        return static_cast<T*>(reserve(count * sizeof(T)));
    }
};

const plain_memory& memory_of_executions() {
    static const plain_memory memory;
    return memory;
}

}  // namespace

// Null if it is nothing that an execution has made.
plain_state* execution::used_cell(const void* address) {
    const plain_memory& memory = memory_of_executions();
    const std::size_t at = arena::offset(address);
    if (at >= arena::extent) {
        return nullptr;
    }
    if (memory.deleted_in[at / granule] == executions_) {
        fail("use after destruction: memory is used that is deleted");
    }
    if (memory.used_in[at] != executions_) {
        memory.used_in[at] = executions_;
        memory.uses[at] = plain_state();
    }
    return &memory.uses[at];
}

void execution::read_plain(const void* address, std::size_t size) {
    for (std::size_t at = 0; at < size; at += word) {
        if (plain_state* const cell = used_cell(static_cast<const char*>(address) + at)) {
            read_cell(*cell);
        }
    }
}

void execution::write_plain(const void* address, std::size_t size) {
    for (std::size_t at = 0; at < size; at += word) {
        if (plain_state* const cell = used_cell(static_cast<const char*>(address) + at)) {
            write_cell(*cell);
        }
    }
}

// Nothing may be under way there, or come later.
void execution::delete_plain(const void* address, std::size_t size) {
    const plain_memory& memory = memory_of_executions();
    const std::size_t first = arena::offset(address);
    for (std::size_t at = first; at != first + size; ++at) {
        if (memory.used_in[at] == executions_) {
            check_written(memory.uses[at]);
        }
    }
    for (std::size_t at = first / granule; at * granule < first + size; ++at) {
        memory.deleted_in[at] = executions_;
    }
}

void execution::use_foreign_atomic(const void* address) {
    foreign_atomic& used = foreign_atomics_[address];
    event(15);
    self().history = mixed(self().history, used.history);
    self().knows.join(used.known);
    used.history = self().history;
    used.known = self().knows;
}

void execution::remove_atomic(object_id object) {
    find(atomics_, object, "an atomic");
    event(14);
    atomics_.remove(object.number);
}
void execution::remove_mutex(object_id object) {
    if (find(mutexes_, object, "a mutex").locked) {
        fail("use after destruction: a mutex is destroyed while it is locked");
    }
    mutexes_.remove(object.number);
}
void execution::remove_condition(object_id object) {
    if (!find(conditions_, object, "a condition variable").waiting.empty()) {
        fail("use after destruction: a condition variable is destroyed while it is waited for");
    }
    conditions_.remove(object.number);
}
void execution::remove_plain(object_id object, place where) {
    write(object, where);
    plain_.remove(object.number);
    --live_plain_;
}

template <class State>
State& execution::find(registry<State>& all, object_id object, const char* what) {
    State* const found = all.find(object.number, object.address);
    if (!found) {
        fail(std::string("use after destruction: ") + what + " is used that is not there any more");
    }
    return *found;
}

void execution::note(const char* what, std::uint32_t object, std::uint64_t value, place where) {
    trace_.push_back({current_, what, object, value, where});
}

std::string execution::trace() const {
    constexpr std::size_t most = 300;
    const std::size_t first = trace_.size() > most ? trace_.size() - most : 0;
    std::string result = first == 0 ? "" : "  " + std::to_string(first) + " steps, and then\n";
    for (const step& each : std::span(trace_).subspan(first)) {
        const std::string_view file = each.where.file_name();
        result += "  " + std::string(each.thread * 4, ' ') + 'T' + std::to_string(each.thread) + ' ' +
                  each.what + " #" + std::to_string(each.object) + " (" + std::to_string(each.value) + ")  " +
                  std::string(file.substr(file.rfind('/') + 1)) + ':' + std::to_string(each.where.line()) +
                  '\n';
    }
    return result;
}

}  // namespace model
