// SPDX-License-Identifier: MIT

#pragma once

#include <cstring>   // std::strcmp, std::strstr
#include <typeinfo>  // std::type_info

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Its address stands for the type `T`. Default visibility gives all shared libraries one address, unless `T`
// itself is hidden, or on Windows. It is not const: linkers may fold constants.
template <class T>
[[gnu::visibility("default")]] constinit inline char type_tag = 0;

// `T` with its references and qualifiers, which `typeid` ignores.
template <class T>
struct exact_type {};

// A `result_type` names the type of a future's result. Where two shared libraries have their own tag of a
// type, the compiler's description of the type decides. Without RTTI there is none, and the types seem to
// differ.
class result_type {
public:
    template <class T>
    [[nodiscard]] static result_type of() noexcept {
#if defined(__cpp_rtti)
        return {&type_tag<T>, &typeid(exact_type<T>)};
#else
        return {&type_tag<T>, nullptr};
#endif
    }

    friend bool operator==(const result_type& a, const result_type& b) noexcept {
        return a.tag_ == b.tag_ || (a.info_ && b.info_ && is_same(*a.info_, *b.info_));
    }

private:
    [[nodiscard]] static bool is_same(const std::type_info& a, const std::type_info& b) noexcept {
#if defined(_LIBCPP_VERSION)
        // libc++ compares addresses, and each shared library may have its own description. A name that is
        // local to a file, in an unnamed namespace or a static function, may stand for another type
        // elsewhere.
        const char* const name = a.name();
        return a == b || (std::strcmp(name, b.name()) == 0 && !std::strstr(name, "_GLOBAL__N_") &&
                          !std::strstr(name, "ZL"));
#else
        return a == b;
#endif
    }

    result_type(const char* tag, const std::type_info* info) noexcept : tag_(tag), info_(info) {}

    const char* tag_;
    const std::type_info* info_;  // null without RTTI
};

}}}  // namespace concurrent::futures::detail
