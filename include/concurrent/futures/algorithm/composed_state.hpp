// SPDX-License-Identifier: MIT

#pragma once

#include <functional>   // std::reference_wrapper
#include <tuple>        // std::tuple
#include <type_traits>  // std::is_lvalue_reference_v
#include <vector>       // std::vector

#include <concurrent/futures/pool/worker.hpp>
#include <concurrent/futures/state/shared_state.hpp>
#include <concurrent/futures/state/typed_state.hpp>
#include <concurrent/futures/sync/forks.hpp>
#include <concurrent/futures/sync/helper.hpp>

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Says whether the value of a `Future<T>` may refer to something that lives only as long as that future, such
// as the captures of the task that returned a reference: see `refers_to_captures`. So may the values of
// several such futures.
template <class T>
inline constexpr bool holds_references = std::is_lvalue_reference_v<T>;
template <class... Ts>
inline constexpr bool holds_references<std::tuple<Ts...>> = (holds_references<Ts> || ...);
template <class T>
inline constexpr bool holds_references<std::vector<T>> = holds_references<T>;
template <class T>
inline constexpr bool holds_references<std::vector<std::reference_wrapper<T>>> = true;

// The state of a future that is made of other futures, and that no pool runs. Callbacks of the others
// complete it, and hold the memory until then; see `shared_state_base` on `unqueued`. Derived classes say
// what it depends on. If the result holds references, they keep the futures from which they took them.
template <class T>
class composed_state : public shared_state<T> {
public:
    [[nodiscard]] shared_state_base::help_result help(shared_state_base::weak_handle*) noexcept final {
        return this->is_unqueued() ? shared_state_base::help_result::waits_for_others
                                   : shared_state_base::help_result::none;
    }
    [[nodiscard]] helper* helper_of_others() noexcept final { return worker::current(); }

protected:
    composed_state() noexcept : shared_state<T>(forks::process()) { this->note_unqueued(); }
    ~composed_state() override = default;

    // Drops the futures to which the result may refer.
    virtual void drop_sources() noexcept {}

private:
    void discard_result() noexcept final {
        shared_state<T>::discard_result();
        if constexpr (holds_references<T>) {
            drop_sources();
        }
    }

    void dispose() noexcept final {
        if constexpr (holds_references<T>) {
            this->dispose_at_any_depth();  // the last handle on a source may go with this
        } else {
            shared_state<T>::dispose();
        }
    }
};

}}}  // namespace concurrent::futures::detail
