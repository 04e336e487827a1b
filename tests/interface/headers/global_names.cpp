// SPDX-License-Identifier: MIT

// A program may have global names that the library has for parameters and variables, without a warning.

#include <concurrent/futures.hpp>
#include <string>
#include <vector>

struct all {};
struct any {};
struct begin {};
struct body {};
struct call {};
struct chunk {};
struct count {};
struct cutter {};
struct each {};
struct element {};
struct end {};
struct entry {};
struct executor {};
struct fn {};
struct function {};
struct future {};
struct handle {};
struct index {};
struct input {};
struct item {};
struct items {};
struct launcher {};
struct limit {};
struct lock {};
struct name {};
struct next {};
struct number {};
struct options {};
struct other {};
struct own {};
struct pool {};
struct position {};
struct queue {};
struct range {};
struct ranges {};
struct result {};
struct results {};
struct self {};
struct shares {};
struct size {};
struct state {};
struct task {};
struct text {};
struct thread_name_prefix {};
struct timeout {};
struct until {};
struct value {};
struct whole {};
struct worker {};

bool works_beside_global_names() {
    namespace futures = concurrent::futures;
    futures::thread_pool_executor<futures::priority> executor_({.max_workers = 2, .thread_name_prefix = "a"});
    auto text_ = executor_.submit(
        {.priority = 1}, [](const std::string& x) { return x + "b"; }, "a");
    text_.add_done_callback([](const auto&) {});
    int sum = 0;
    for (const int each_ : executor_.map(
             {.auto_chunksize = true}, [](int x) { return x; }, std::vector{1, 2})) {
        sum += each_;
    }
    for (const auto& done : futures::as_completed({text_})) {
        sum += static_cast<int>(done.result().size());
    }
    return sum == 5 && futures::wait({text_}).done.size() == 1;
}
