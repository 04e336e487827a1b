// SPDX-License-Identifier: MIT

#include "client.hpp"

#include <concurrent/futures.hpp>
#include <cstddef>
#include <exception>
#include <string_view>
#include <utility>

#include "calls.hpp"

namespace endurance {

void client::act() {
    ++total.operations;
    const std::size_t index = random_.up_to(world::pool_count);
    const unsigned deed = random_.up_to(100);
    if (deed < 2) {
        make_pool(index);
    } else if (deed < 4) {
        close_pool(index);
    } else if (deed < 55) {
        any_pool target = world_.pool_at(index);
        const pool_record* const record = record_of(target);
        if (!record || (record->closing && random_.one_in(4))) {
            make_pool(index);
        } else if (deed < 45) {
            submit_to(target);
        } else if (deed < 48) {
            use_group(target);
        } else if (deed < 51) {
            compose(target);
        } else {
            map_with(std::move(target));
        }
    } else if (deed < 58) {
        use_promise();
    } else if (deed < 59) {
        check_order();
    } else if (deed < 60) {
        swap_log_handler();
    } else if (deed < 61) {
        cross_pools();
    } else {
        use_futures();
    }
}

void client::act_within(const any_pool& own) {
    const unsigned long id = record_of(own)->id;
    for (unsigned count = 1 + random_.up_to(4); count != 0; --count) {
        ++total.operations;
        any_pool target = own;
        if (random_.one_in(5)) {
            any_pool later = world_.pool_at(random_.up_to(world::pool_count), id);
            if (record_of(later)) {
                target = std::move(later);
            }
        }
        if (random_.one_in(5)) {
            map_with(std::move(target));
        } else if (random_.one_in(6)) {
            use_group(target);
        } else if (random_.one_in(6)) {
            compose(target);
        } else {
            submit_to(target);
        }
        if (random_.one_in(2)) {
            use_futures();
        }
    }
    // Before the pools' pointers go.
    settle_all();
}

void client::swap_log_handler() {
    // Too large to be kept without an allocation.
    struct handler {
        const void* unused[8] = {};

        void operator()(std::string_view message, const std::exception_ptr& exception) const {
            note_log(message, exception);
        }
    };
    insist(random_, [] { static_cast<void>(futures::set_log_handler(handler())); });
}

}  // namespace endurance
