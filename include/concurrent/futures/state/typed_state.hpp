// SPDX-License-Identifier: MIT

#pragma once

#include <type_traits>  // std::is_trivially_destructible_v

#include <concurrent/futures/state/result_storage.hpp>
#include <concurrent/futures/state/shared_state.hpp>
#include <concurrent/futures/state/trampoline.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// The shared state of a `Future<T>`: with room for the value. By itself a promise's; a `task` adds what is to
// be run.
template <class T>
class shared_state : public shared_state_base {
public:
    using shared_state_base::shared_state_base;

    // The result is written by whoever claimed, and read by others once the state is finished with a value.
    [[nodiscard]] result_storage<T>& result() noexcept { return result_; }

protected:
    ~shared_state() override {
        if (has_result()) {
            result_.destroy();
        }
    }

    void discard_captures() noexcept override {}
    void discard_result() noexcept override { result_.destroy(); }

    // The destructor of a result may do anything, give up the last handle on another future among it.
    void dispose() noexcept override {
        if constexpr (std::is_object_v<T> && !std::is_trivially_destructible_v<T>) {
            trampoline::call([this]() noexcept { delete this; });
        } else {
            delete this;
        }
    }

private:
    result_storage<T> result_;
};

}}}  // namespace concurrent::futures::detail
