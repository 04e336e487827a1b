// SPDX-License-Identifier: MIT

#pragma once

#include <atomic>
#include <cstdint>
#include <exception>

#include "failure.hpp"

namespace endurance {

// Is captured by, given to, and returned from all that the library runs, and part of what that throws: as
// many are to be destroyed as were made, each once, and none is used after that.
class counted {
public:
    explicit counted(long value = 0) noexcept : value_(value) { begin(); }
    counted(const counted& other) noexcept : value_(other.value()) { begin(); }
    counted& operator=(const counted& other) noexcept {
        value_ = other.value();
        return *this;
    }
    ~counted() {
        check();
        self_ = nullptr;
        // Release: pairs with the acquire of `live`. What was done before is seen by who finds none alive.
        destroyed_.fetch_add(1, std::memory_order_release);
    }

    long value() const noexcept {
        check();
        return value_;
    }

    static std::int64_t live() noexcept {
        const std::int64_t destroyed = destroyed_.load(std::memory_order_acquire);
        return made_.load(std::memory_order_relaxed) - destroyed;
    }
    static std::int64_t made() noexcept { return made_; }

private:
    void begin() noexcept { made_.fetch_add(1, std::memory_order_relaxed); }
    void check() const noexcept { require(self_ == this, "an object is used while it lives, where it is"); }

    static inline std::atomic<std::int64_t> made_{0};
    static inline std::atomic<std::int64_t> destroyed_{0};

    long value_;
    const counted* self_ = this;
};

class copy_failed : public std::exception {};

// Can't be copied, only moved; where copying is what the library must do.
class fragile : public counted {
public:
    using counted::counted;
    fragile(const fragile& other) : counted((throw copy_failed(), other)) {}
    fragile(fragile&& other) noexcept : counted(other) {}
    fragile& operator=(fragile&&) = delete;
};

}  // namespace endurance
