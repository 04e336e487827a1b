// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>  // std::size_t

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

struct adding_one_t {};
inline constexpr adding_one_t adding_one;

// Locks a `counting_lock` or a `counting_mutex` as long as it exists.
template <class Lock>
class counting_guard {
public:
    [[gnu::always_inline]] explicit counting_guard(Lock& lock) : lock_(lock), count_(lock.lock()) {}
    [[gnu::always_inline]] counting_guard(Lock& lock, adding_one_t)
        : lock_(lock), count_(lock.lock_adding_one()) {}
    counting_guard(const counting_guard&) = delete;
    counting_guard& operator=(const counting_guard&) = delete;
    ~counting_guard() { lock_.unlock(count_); }

    [[nodiscard]] std::size_t count() const noexcept { return count_; }
    // Others see the new number when this guard unlocks.
    void set_count(std::size_t count) noexcept { count_ = count; }

private:
    Lock& lock_;
    std::size_t count_;
};

}}}  // namespace concurrent::futures::detail
