// SPDX-License-Identifier: MIT

#pragma once

#include <type_traits>  // std::is_trivially_destructible_v

#include <concurrent/futures/state/result_storage.hpp>
#include <concurrent/futures/state/result_type.hpp>
#include <concurrent/futures/state/shared_state.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// `shared_state` adds room for the value. A promise uses it by itself; a `task` adds what is to run.
template <class T>
class shared_state : public shared_state_base {
public:
    using shared_state_base::shared_state_base;

    // Only the claimer writes the result. Others read it once the state is finished with a value.
    [[nodiscard]] result_storage<T>& result() noexcept { return result_; }

    [[nodiscard]] result_type type() const noexcept final { return result_type::of<T>(); }

protected:
    ~shared_state() override {
        if (has_result()) {
            result_.destroy();
        }
    }

    void discard_captures() noexcept override {}
    void discard_result() noexcept override { result_.destroy(); }

    void dispose() noexcept override {
        if constexpr (std::is_object_v<T> && !std::is_trivially_destructible_v<T>) {
            this->dispose_at_any_depth();
        } else {
            delete this;
        }
    }

private:
    result_storage<T> result_;
};

}}}  // namespace concurrent::futures::detail
