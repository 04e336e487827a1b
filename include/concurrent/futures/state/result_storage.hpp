// SPDX-License-Identifier: MIT

#pragma once

#include <memory>       // std::addressof, std::destroy_at
#include <new>          // placement new
#include <type_traits>  // std::remove_cv_t
#include <utility>      // std::forward

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// `result_storage` holds what a function returns: an object, a reference or nothing. It constructs an object
// in place, so the object need not be movable. The owner knows whether there is a result.
template <class T>
class result_storage {
public:
    result_storage() noexcept {}
    result_storage(const result_storage&) = delete;
    result_storage& operator=(const result_storage&) = delete;
    ~result_storage() {}

    template <class Make>
    void emplace_from(Make&& make) {
        ::new (static_cast<void*>(std::addressof(value_))) std::remove_cv_t<T>(std::forward<Make>(make)());
    }
    template <class... Args>
    void emplace(Args&&... args) {
        ::new (static_cast<void*>(std::addressof(value_))) std::remove_cv_t<T>(std::forward<Args>(args)...);
    }
    void destroy() noexcept { std::destroy_at(std::addressof(value_)); }

    [[nodiscard]] T& get() noexcept { return value_; }

private:
    union {
        std::remove_cv_t<T> value_;
    };
};

template <class T>
    requires std::is_reference_v<T>
class result_storage<T> {
public:
    template <class Make>
    void emplace_from(Make&& make) {
        T referred = std::forward<Make>(make)();
        pointer_ = std::addressof(referred);
    }
    void emplace(T referred) noexcept { pointer_ = std::addressof(referred); }
    void destroy() noexcept {}

    [[nodiscard]] T get() noexcept { return static_cast<T>(*pointer_); }

private:
    std::remove_reference_t<T>* pointer_ = nullptr;
};

template <class T>
    requires std::is_void_v<T>
class result_storage<T> {
public:
    template <class Make>
    void emplace_from(Make&& make) {
        std::forward<Make>(make)();
    }
    void emplace() noexcept {}
    void destroy() noexcept {}

    void get() noexcept {}
};

}}}  // namespace concurrent::futures::detail
