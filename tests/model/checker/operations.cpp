// SPDX-License-Identifier: MIT

#include "operations.hpp"

#include "arena.hpp"
#include "execution.hpp"

namespace model {
namespace {

// The execution that runs, for a call that must not take memory from its arena.
class running {
public:
    execution* operator->() const noexcept { return execution::active(); }

private:
    arena::left outside_;
};

}  // namespace

bool in_execution() noexcept {
    return execution::active() != nullptr;
}

std::uint32_t add_atomic(const void* address, std::uint64_t value) {
    return in_execution() ? running()->add_atomic(address, value) : outside_execution;
}
std::uint32_t add_mutex(const void* address) {
    return in_execution() ? running()->add_mutex(address) : outside_execution;
}
std::uint32_t add_condition(const void* address) {
    return in_execution() ? running()->add_condition(address) : outside_execution;
}
std::uint32_t add_plain(const void* address) {
    return in_execution() ? running()->add_plain(address) : outside_execution;
}

void remove_atomic(object_id object) {
    running()->remove_atomic(object);
}
void remove_mutex(object_id object) {
    running()->remove_mutex(object);
}
void remove_condition(object_id object) {
    running()->remove_condition(object);
}
void remove_plain(object_id object, place where) {
    running()->remove_plain(object, where);
}

std::uint64_t load(object_id object, std::memory_order order, place where) {
    return running()->load(object, order, where);
}
void store(object_id object, std::uint64_t value, std::memory_order order, place where) {
    running()->store(object, value, order, where);
}
std::uint64_t modify(object_id object, std::memory_order success, std::memory_order failure,
                     const modification& change, place where) {
    return running()->modify(object, success, failure, change, where);
}

void lock(object_id mutex) {
    running()->lock(mutex);
}
void unlock(object_id mutex) {
    running()->unlock(mutex);
}
bool wait(object_id condition, object_id mutex, std::optional<std::int64_t> until) {
    return running()->wait(condition, mutex, until);
}
void notify(object_id condition, bool all) {
    running()->notify(condition, all);
}

thread_number start_thread(void (*body)(void*), void* argument) {
    return running()->start(body, argument);
}
void join_thread(thread_number thread) {
    running()->join(thread);
}
void join_others() {
    running()->join_others();
}
thread_number current_thread() noexcept {
    return running()->current();
}

std::uint64_t execution_number() noexcept {
    return execution::number();
}

void fence_all() {
    running()->fence_all();
}

bool pause(std::int64_t nanoseconds) {
    return running()->pause(nanoseconds);
}
std::int64_t now() {
    return running()->now();
}
std::uint32_t choose(std::uint32_t options) {
    return running()->choose(options);
}

void read(object_id plain, place where) {
    running()->read(plain, where);
}
void write(object_id plain, place where) {
    running()->write(plain, where);
}

void read_plain(const void* address, std::size_t size) {
    if (in_execution()) {
        running()->read_plain(address, size);
    }
}
void write_plain(const void* address, std::size_t size) {
    if (in_execution()) {
        running()->write_plain(address, size);
    }
}
void delete_plain(const void* address, std::size_t size) {
    if (in_execution()) {
        running()->delete_plain(address, size);
    }
}
void use_foreign_atomic(const void* address) {
    if (in_execution()) {
        running()->use_foreign_atomic(address);
    }
}

}  // namespace model
