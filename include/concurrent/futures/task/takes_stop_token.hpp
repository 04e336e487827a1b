// SPDX-License-Identifier: MIT

#pragma once

#include <functional>   // std::reference_wrapper
#include <type_traits>  // std::decay_t, std::is_invocable_v, std::is_same_v, std::remove_cvref_t
#include <utility>      // std::declval
#include <version>      // __cpp_lib_jthread

#if defined(__cpp_lib_jthread)
#include <stop_token>  // std::stop_token
#endif

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

#if defined(__cpp_lib_jthread)

template <class... Each>
struct parameters {};

template <class Parameters>
inline constexpr bool begin_with_stop_token = false;
template <class First, class... Others>
inline constexpr bool begin_with_stop_token<parameters<First, Others...>> =
    std::is_same_v<std::remove_cvref_t<First>, std::stop_token>;

template <class Result, class... Each, bool no_throw>
parameters<Each...> parameters_of(Result (*)(Each...) noexcept(no_throw));

template <class Class, class Result, class... Each, bool no_throw>
parameters<Each...> parameters_of_call(Result (Class::*)(Each...) noexcept(no_throw));
template <class Class, class Result, class... Each, bool no_throw>
parameters<Each...> parameters_of_call(Result (Class::*)(Each...) const noexcept(no_throw));
template <class Class, class Result, class... Each, bool no_throw>
parameters<Each...> parameters_of_call(Result (Class::*)(Each...) & noexcept(no_throw));
template <class Class, class Result, class... Each, bool no_throw>
parameters<Each...> parameters_of_call(Result (Class::*)(Each...) const& noexcept(no_throw));
template <class Class, class Result, class... Each, bool no_throw>
parameters<Each...> parameters_of_call(Result (Class::*)(Each...) && noexcept(no_throw));
template <class Class, class Result, class... Each, bool no_throw>
parameters<Each...> parameters_of_call(Result (Class::*)(Each...) const&& noexcept(no_throw));

// `signature` finds the parameters of a callable that has one signature: a function pointer, or a class with
// one `operator()` that is no template.
template <class Fn>
struct signature {};
template <class Fn>
    requires requires(Fn fn) { detail::parameters_of(fn); }
struct signature<Fn> {
    using type = decltype(detail::parameters_of(std::declval<Fn>()));
};
template <class Fn>
    requires requires { detail::parameters_of_call(&Fn::operator()); }
struct signature<Fn> {
    using type = decltype(detail::parameters_of_call(&Fn::operator()));
};
template <class Fn>
struct signature<std::reference_wrapper<Fn>> : signature<std::decay_t<Fn>> {};

// Says whether `Fn` is a specialization of a class template, such as what `std::bind_front` returns.
template <class Fn>
inline constexpr bool is_specialization = false;
template <template <class...> class Template, class... Arguments>
inline constexpr bool is_specialization<Template<Arguments...>> = true;

// Only a parameter that takes anything can be made from this.
struct unrelated {};

// A `std::stop_token` can be made from this; a class that is itself made from a `std::stop_token` can't.
struct makes_stop_token {
    operator std::stop_token() const noexcept;
};

// An argument in braces has no type, so no template parameter can be deduced from it. The call of a generic
// callable is then invalid, and nothing compiles its body with `First` in place of `auto`.
template <class Fn, class First, class... Args>
concept callable_with_braced =
    requires { std::declval<Fn>()({std::declval<First>()}, std::declval<Args>()...); };

template <class Fn, class... Args>
concept names_stop_token =
    callable_with_braced<Fn, std::stop_token, Args...> && !callable_with_braced<Fn, unrelated, Args...> &&
    std::is_invocable_v<Fn, makes_stop_token, Args...>;

// A wrapper of a callable, such as what `std::bind_front` returns, forwards arguments of any type, and says
// of each whether the callable takes it.
template <class Fn, class... Args>
concept forwards_stop_token =
    is_specialization<Fn> && std::is_invocable_v<Fn, std::stop_token, Args...> &&
    std::is_invocable_v<Fn, makes_stop_token, Args...> && !std::is_invocable_v<Fn, unrelated, Args...>;

// Says whether `Fn` is called with a `std::stop_token` before `Args`: its first parameter must be one, by
// name.
//
// If `Fn` has one signature, the signature decides. If `Fn` has several, or a template, it is called with the
// arguments as they are if that is possible. That is tried first, as it may compile the body of a generic
// callable.
template <class Fn, class... Args>
constexpr bool is_called_with_stop_token() {
    if constexpr (requires { typename signature<Fn>::type; }) {
        return begin_with_stop_token<typename signature<Fn>::type> &&
               std::is_invocable_v<Fn, std::stop_token, Args...>;
    } else if constexpr (!std::is_invocable_v<Fn, Args...>) {
        if constexpr (names_stop_token<Fn, Args...> || forwards_stop_token<Fn, Args...>) {
            return std::is_invocable_v<Fn, std::stop_token, Args...>;
        }
    }
    return false;
}

template <class Fn, class... Args>
concept takes_stop_token = is_called_with_stop_token<Fn, Args...>();

#else

template <class Fn, class... Args>
concept takes_stop_token = false;

#endif

}}}  // namespace concurrent::futures::detail
