// SPDX-License-Identifier: MIT

#pragma once

#include <concurrent/futures.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <tuple>
#include <vector>

#include "books.hpp"
#include "counted.hpp"
#include "pool.hpp"
#include "random_source.hpp"

namespace endurance {

// Somebody who uses the library at random, and checks what it gives: a thread of this program, or a task.
//
// So that nobody waits in a circle, which no library could untie, a task uses only its own pool and those
// that were made later, and waits only for what it has submitted itself.
class client {
public:
    static constexpr int max_depth = 3;

    // `depth`: how deep the tasks that it submits may go on submitting.
    client(world& where, std::uint64_t seed, int depth) : world_(where), random_(seed), depth_(depth) {}
    client(const client&) = delete;
    client& operator=(const client&) = delete;
    ~client() { settle_all(); }

    // One thing, any, by a thread of this program.
    void act();

    // Looks at these, too, in the end.
    void adopt(std::vector<held<counted>> more) { mine<counted>() = std::move(more); }

    // Some things with the task's own pool, by a task.
    void act_within(const any_pool& own);

private:
    void make_pool(std::size_t index);
    void close_pool(std::size_t index);
    void submit_to(const any_pool& target);
    void map_with(any_pool target);
    void use_group(const any_pool& target);
    void compose(const any_pool& target);
    void use_promise();
    void check_order();
    void cross_pools();
    void swap_log_handler();

    void use_futures();
    void wait_for_any();
    void settle_all();

    // A template that several files use is in submitting.hpp or instantiated in observing.cpp.
    template <class T>
    std::vector<held<T>>& mine() {
        return std::get<std::vector<held<T>>>(futures_);
    }
    template <class T, class Queue, class Fn, class... Args>
    void submit(pool<Queue>& target, task_record& task, long expected, Fn&& fn, Args&&... args);

    template <class Queue>
    void submit_something(const pool_pointer<Queue>& target);
    template <class Queue>
    void make_pool_of(std::size_t index);
    template <class Queue>
    void check_order_of();
    template <class Queue>
    void use_group_of(const pool_pointer<Queue>& target);
    template <class Queue>
    void compose_with(const pool_pointer<Queue>& first, const pool_pointer<Queue>& second);
    template <class ForEach>
    void wait_for_links(ForEach for_each);
    template <class Queue>
    void map_something(pool_pointer<Queue> target);
    template <class Queue, class... Ranges>
    void map_over(pool_pointer<Queue> target, long size, const futures::map_options& options,
                  Ranges&&... ranges);

    template <class T>
    void use();
    template <class T>
    bool look(held<T>& which, const futures::timeout& limit, bool last);
    template <class T>
    void cancel(const held<T>& which);
    template <class T>
    void add_callback(const held<T>& which);
    template <class T>
    void wait_for_some();
    template <class T>
    void iterate_some();
    template <class T>
    void take_some();
    template <class T>
    void let_go(held<T> which);
    template <class T>
    void settle(std::vector<held<T>>& all);

    futures::timeout soon();

    world& world_;
    random_source random_;
    const int depth_;
    std::tuple<std::vector<held<long>>, std::vector<held<void>>, std::vector<held<long&>>,
               std::vector<held<const counted&>>, std::vector<held<counted>>,
               std::vector<held<std::unique_ptr<counted>>>>
        futures_;
};

}  // namespace endurance
