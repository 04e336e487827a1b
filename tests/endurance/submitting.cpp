// SPDX-License-Identifier: MIT

#include "submitting.hpp"

#include <array>
#include <functional>
#include <memory>
#include <thread>
#include <version>

#if defined(__cpp_lib_jthread)
#include <stop_token>
#endif

namespace endurance {

namespace {

// What tasks return references to.
std::array<long, 16> referred{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

// What every task here has.
struct task_base {
    task_record* task;
    std::uint64_t seed;
    long expected;
    counted passenger{};
};

struct returns_value : task_base {
    long operator()() {
        run here(*task, seed);
        here.throw_perhaps(6);
        return expected + passenger.value();
    }
};

struct returns_nothing : task_base {
    void operator()(std::unique_ptr<counted> given, const counted& copied) {
        run here(*task, seed);
        require(given->value() == expected && copied.value() == expected, "arguments arrive");
        here.throw_perhaps(6);
    }
};

// The reference is good as long as the future.
struct returns_reference_to_captured : task_base {
    const counted& operator()() {
        run here(*task, seed);
        here.throw_perhaps(6);
        return captured;
    }

    counted captured{expected};
};

struct returns_reference : task_base {
    long& operator()() {
        run here(*task, seed);
        here.throw_perhaps(6);
        return referred[static_cast<std::size_t>(expected)];
    }
};

struct returns_counted : task_base {
    counted operator()(const fragile& argument) {
        run here(*task, seed);
        here.throw_perhaps(6);
        return counted(argument.value());
    }
};

struct returns_move_only : task_base {
    std::array<unsigned char, 1500> big{};

    std::unique_ptr<counted> operator()() {
        run here(*task, seed);
        for (const unsigned char each : big) {
            require(each == static_cast<unsigned char>(seed), "a big capture arrives");
        }
        here.throw_perhaps(6);
        return std::make_unique<counted>(expected);
    }
};

#if defined(__cpp_lib_jthread)
struct looks_for_a_stop : task_base {
    long operator()(const std::stop_token& stop) {
        run here(*task, seed);
        // A few times only: with other processes beside it may be long until this thread goes on.
        for (int round = 0; round < 4000 && !stop.stop_requested(); ++round) {
            if (round % 1000 == 0) {
                std::this_thread::yield();
            }
        }
        here.throw_perhaps(6);
        return expected;
    }
};
#endif

// Submits to its own pool, and waits for that.
template <class Queue>
struct nests : task_base {
    world* where = nullptr;
    int depth = 0;
    std::weak_ptr<pool<Queue>> own{};

    long operator()() {
        run here(*task, seed);
        if (auto mine = own.lock()) {
            client within(*where, seed, depth);
            within.act_within(std::move(mine));
        }
        here.throw_perhaps(6);
        return expected;
    }
};

// Holds its own pool, and may be the last that does. Who submits it has another pointer until then.
template <class Queue>
struct holds_its_pool : task_base {
    pool_pointer<Queue> own{};
    std::array<futures::shutdown_options, 2> shutdowns{};

    long operator()() {
        run here(*task, seed);
        if (shutdowns[0].cancel_futures || shutdowns[0].wait || shutdowns[0].request_stop) {
            own->record.closing = true;
            if (shutdowns[0].cancel_futures) {
                own->record.cancels = true;
            }
            ++total.shutdowns;
            own->executor->shutdown(shutdowns[0]);
        }
        if (expected % 2 == 0) {
            own.reset();
        }
        here.throw_perhaps(6);
        return expected;
    }
};

}  // namespace

template <class Queue>
void client::submit_something(const pool_pointer<Queue>& target) {
    task_record& task = the_books.new_task(target->record);
    const long expected = random_.up_to(16);
    const task_base base{&task, random_.seed(), expected};
    switch (random_.up_to(depth_ > 0 ? 11 : 7)) {
        case 0:
            submit<long>(*target, task, expected, returns_value{base});
            break;
        case 1:
            submit<void>(*target, task, expected, returns_nothing{base}, std::make_unique<counted>(expected),
                         counted(expected));
            break;
        case 2: {
            returns_reference lvalue{base};
            submit<long&>(*target, task, expected, lvalue);
            break;
        }
        case 3: {
            const fragile argument(expected);
            if (random_.one_in(5)) {
                submit<counted>(*target, task, expected, returns_counted{base}, argument);
            } else {
                submit<counted>(*target, task, expected, returns_counted{base}, fragile(expected));
            }
            break;
        }
        case 4: {
            returns_move_only big{base};
            big.big.fill(static_cast<unsigned char>(base.seed));
            submit<std::unique_ptr<counted>>(*target, task, expected, std::move(big));
            break;
        }
        case 5:
#if defined(__cpp_lib_jthread)
            submit<long>(*target, task, expected, looks_for_a_stop{base});
#else
            submit<long>(*target, task, expected, returns_value{base});
#endif
            break;
        case 6:
            submit<const counted&>(*target, task, expected, returns_reference_to_captured{base});
            break;
        case 7: {
            holds_its_pool<Queue> holder{base, target, {}};
            if (random_.one_in(3)) {
                holder.shutdowns[0] = {.wait = random_.one_in(2),
                                       .cancel_futures = random_.one_in(3),
                                       .request_stop = random_.one_in(3)};
            }
            submit<long>(*target, task, expected, std::move(holder));
            break;
        }
        default:
            submit<long>(*target, task, expected, nests<Queue>{base, &world_, depth_ - 1, target});
    }
}

void client::submit_to(const any_pool& target) {
    std::visit(
        [this](const auto& each) {
            if (each) {
                submit_something(each);
            }
        },
        target);
}

}  // namespace endurance
