// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>      // std::size_t
#include <cstdint>      // std::uintptr_t
#include <exception>    // std::exception_ptr, std::rethrow_exception
#include <iosfwd>       // std::basic_ostream
#include <memory>       // std::addressof
#include <string>       // std::string
#include <string_view>  // std::string_view
#include <type_traits>  // std::is_same_v
#include <typeinfo>     // std::type_info
#include <version>      // __cpp_lib_format, which libc++ doesn't define though it has what is used here

#if __has_include(<cxxabi.h>)
#include <cstdlib>  // std::free

#include <cxxabi.h>  // abi::__cxa_current_exception_type, abi::__cxa_demangle
#endif
#if defined(__cpp_lib_format) || (defined(_LIBCPP_VERSION) && _LIBCPP_VERSION >= 170000)
#include <format>  // std::formatter; <chrono> has brought it already
#endif

#include <concurrent/futures/future/any_future.hpp>
#include <concurrent/futures/future/future.hpp>
#include <concurrent/futures/future/future_base.hpp>
#include <concurrent/futures/state/shared_state.hpp>

namespace concurrent::futures { inline namespace v0_1 {

namespace detail {

constexpr std::string_view name_of(future_state state) noexcept {
    return state == future_state::pending     ? "pending"
           : state == future_state::running   ? "running"
           : state == future_state::cancelled ? "cancelled"
                                              : "finished";
}

// Returns what the compiler calls a function that has `T` in its name.
template <class T>
constexpr std::string_view signature_with() noexcept {
#if defined(_MSC_VER) && !defined(__clang__)
    return __FUNCSIG__;
#else
    return __PRETTY_FUNCTION__;
#endif
}

// Returns the name of `T` as C++ spells it.
template <class T>
constexpr std::string_view type_name() noexcept {
    if constexpr (std::is_same_v<T, std::string>) {
        return "std::string";
    } else {
        // All such signatures have the same text before and after the name of the type.
        constexpr std::string_view known = "double";
        constexpr std::string_view example = signature_with<double>();
        constexpr std::size_t before = example.find(known);
        std::string_view name = signature_with<T>();
        name.remove_prefix(before);
        name.remove_suffix(example.size() - before - known.size());
        return name;
    }
}

// Returns the type of what was thrown, as C++ spells it if the compiler's run-time library can tell.
template <class Text>
Text type_of(const std::exception_ptr& exception) {
    try {
        std::rethrow_exception(exception);
    } catch (...) {
#if __has_include(<cxxabi.h>)
        if (const std::type_info* const type = abi::__cxa_current_exception_type()) {
            int status = 0;
            const struct demangled {
                char* const name;
                // NOLINTNEXTLINE(cppcoreguidelines-no-malloc): that is how it was allocated
                ~demangled() { std::free(name); }
            } readable{abi::__cxa_demangle(type->name(), nullptr, nullptr, &status)};
            return readable.name ? readable.name : type->name();
        }
#endif
    }
    return "an exception";
}

// Describes a future as Python's `repr()` does. `returned` is the name of its result's type, or empty. It is
// a template, so that a unit which prints no future doesn't compile what it takes.
template <class Text = std::string>
Text describe(const shared_state_base& shared, std::string_view returned) {
    const future_state state = shared.state();
    Text text = "<Future at 0x";
    const auto address = reinterpret_cast<std::uintptr_t>(std::addressof(shared));
    for (int shift = static_cast<int>(sizeof address) * 8 - 4; shift >= 0; shift -= 4) {
        const std::uintptr_t rest = address >> shift;
        if (rest != 0) {
            text += "0123456789abcdef"[rest & 15];
        }
    }
    text += " state=";
    text += name_of(state);
    if (state == future_state::finished) {
        if (const std::exception_ptr& exception = shared.exception()) {
            text += " raised ";
            text += type_of<Text>(exception);
        } else if (!returned.empty()) {
            text += " returned ";
            text += returned;
        }
    }
    return text += '>';
}

template <class State>
std::string describe(const future_base<State>& future, std::string_view returned) {
    return future.valid() ? detail::describe(future_access::state(future), returned)
                          : "<Future without a state>";
}

}  // namespace detail

/// Writes the state's name: `pending`, `running`, `cancelled` or `finished`.
template <class Traits>
std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& stream, future_state state) {
    return stream << detail::name_of(state);
}

/// Writes the present state of a future, as Python's `repr` does: `<Future at 0x7f8c state=pending>`,
/// `<Future at 0x7f8c state=finished returned int>` or `<Future at 0x7f8c state=finished raised
/// std::runtime_error>`. Equal futures have the same address. An exception doesn't count as looked at by
/// this. Never blocks.
template <class Traits, class T>
std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& stream,
                                             const Future<T>& future) {
    return stream << detail::describe(future, detail::type_name<T>());
}

/// Does the same, without the type of the result: `<Future at 0x7f8c state=finished>`.
template <class Traits>
std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& stream,
                                             const any_future& future) {
    return stream << detail::describe(future, {});
}

}}  // namespace concurrent::futures

#if defined(__cpp_lib_format) || (defined(_LIBCPP_VERSION) && _LIBCPP_VERSION >= 170000)
/// Formats as `operator<<` writes, and takes the format specifications of strings.
template <>
struct std::formatter<concurrent::futures::future_state> : std::formatter<std::string_view> {
    template <class Context>
    auto format(concurrent::futures::future_state state, Context& context) const {
        return std::formatter<std::string_view>::format(concurrent::futures::detail::name_of(state), context);
    }
};
template <class T>
struct std::formatter<concurrent::futures::Future<T>> : std::formatter<std::string_view> {
    template <class Context>
    auto format(const concurrent::futures::Future<T>& future, Context& context) const {
        namespace detail = concurrent::futures::detail;
        return std::formatter<std::string_view>::format(detail::describe(future, detail::type_name<T>()),
                                                        context);
    }
};
template <>
struct std::formatter<concurrent::futures::any_future> : std::formatter<std::string_view> {
    template <class Context>
    auto format(const concurrent::futures::any_future& future, Context& context) const {
        return std::formatter<std::string_view>::format(concurrent::futures::detail::describe(future, {}),
                                                        context);
    }
};
#endif
