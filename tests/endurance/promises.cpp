// SPDX-License-Identifier: MIT

#include <concurrent/futures.hpp>
#include <exception>
#include <optional>
#include <utility>

#include "calls.hpp"
#include "client.hpp"

namespace endurance {

void client::use_promise() {
    ++total.promises;
    std::optional<futures::Promise<counted>> made;
    insist(random_, [&] { made.emplace(); });
    const futures::Future<counted> future = made->get_future();
    callback_record* calls = nullptr;
    insist(random_, [&] {
        {
            const faults::own_work own;
            calls = &the_books.new_callback();
        }
        future.add_done_callback(
            [calls, passenger = counted()](const futures::Future<counted>&) { ++calls->calls; });
        calls->added = true;
    });
    const bool cancelled = random_.one_in(4) && future.cancel();
    if (!cancelled && random_.one_in(2)) {
        require(made->set_running_or_notify_cancel() && !future.cancel(), "what runs can't be cancelled");
    }
    futures::Promise<counted> promise = std::move(*made);

    enum { drops, sets, throws };
    const unsigned deed = random_.up_to(3);
    thrown_record* const thrown = deed == throws && !cancelled ? &the_books.new_thrown(false) : nullptr;
    for (int time = 0; time < 2 && deed != drops; ++time) {
        const bool may = time == 0 && !cancelled;
        try {
            const faults::library_call call(random_);
            if (thrown) {
                promise.set_exception(std::make_exception_ptr(purposeful(*thrown)));
            } else {
                promise.set_result(counted(7));
            }
            require(may, "a promise is set once");
        } catch (const futures::invalid_state_error&) {
            require(!may, "a promise can be set");
        } catch (const std::bad_alloc&) {
            require(!may, "setting a promise allocates nothing");
            note_failed_allocation();
        }
    }
    {
        const faults::library_call call(random_);
        const futures::Promise<counted> gone = std::move(promise);
    }

    require(future.done() && future.cancelled() == cancelled, "a future is done when its promise is gone");
    if (cancelled) {
        return;
    }
    if (deed == sets) {
        require(future.result().value() == 7 && !future.exception(), "a future has what was set");
    } else if (random_.one_in(2)) {
        require(future.exception() != nullptr, "a future has what was set");
        if (thrown) {
            ++thrown->retrieved;
        }
    } else if (deed == drops) {
        ++the_books.broken_promises;
    }
}

}  // namespace endurance
