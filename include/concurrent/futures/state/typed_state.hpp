#pragma once

#include <cstdint>  // std::uint64_t

#include <concurrent/futures/state/result_storage.hpp>
#include <concurrent/futures/state/shared_state.hpp>

namespace concurrent::futures::inline v0_1::detail {

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
        if (state() == future_state::finished && !exception()) {
            result_.destroy();
        }
    }

    void run() noexcept override {}
    void discard_captures() noexcept override {}

private:
    result_storage<T> result_;
};

}  // namespace concurrent::futures::detail
