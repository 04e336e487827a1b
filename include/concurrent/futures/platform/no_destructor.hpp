// SPDX-License-Identifier: MIT

#pragma once

#include <new>  // placement new

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// Has an object that is never destroyed, for a static variable that others use until the process ends. The
// object is in the variable itself, so that its making can't fail for want of memory.
template <class T>
class no_destructor {
public:
    no_destructor() : object_(*::new(static_cast<void*>(storage_)) T) {}
    no_destructor(const no_destructor&) = delete;
    no_destructor& operator=(const no_destructor&) = delete;

    [[nodiscard]] T& get() noexcept { return object_; }

private:
    alignas(T) unsigned char storage_[sizeof(T)] = {};
    T& object_;
};

}}}  // namespace concurrent::futures::detail
