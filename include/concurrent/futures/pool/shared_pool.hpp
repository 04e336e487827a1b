// SPDX-License-Identifier: MIT

#pragma once

#include <utility>  // std::exchange, std::swap

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// A reference to a pool, or null. The pool counts its references, and lives as long as it has any: the
// executor and each thread of the pool have one. Every unit that makes a pool compiles this code. A
// `std::shared_ptr` with its control block takes several times as much.
template <class Pool>
class shared_pool {
public:
    shared_pool() noexcept = default;
    explicit shared_pool(Pool& pool) noexcept : pool_(&pool) { pool.add_reference(); }
    // Takes over the reference that a new pool has.
    [[nodiscard]] static shared_pool adopt(Pool& pool) noexcept {
        shared_pool adopted;
        adopted.pool_ = &pool;
        return adopted;
    }
    shared_pool(const shared_pool& other) noexcept : pool_(other.pool_) {
        if (pool_) {
            pool_->add_reference();
        }
    }
    shared_pool(shared_pool&& other) noexcept : pool_(std::exchange(other.pool_, nullptr)) {}
    shared_pool& operator=(shared_pool other) noexcept {
        std::swap(pool_, other.pool_);
        return *this;
    }
    ~shared_pool() { reset(); }

    // Gives up the reference.
    void reset() noexcept {
        if (pool_) {
            std::exchange(pool_, nullptr)->remove_reference();
        }
    }

    [[nodiscard]] explicit operator bool() const noexcept { return pool_ != nullptr; }
    [[nodiscard]] Pool* get() const noexcept { return pool_; }
    [[nodiscard]] Pool& operator*() const noexcept { return *pool_; }
    [[nodiscard]] Pool* operator->() const noexcept { return pool_; }

private:
    Pool* pool_ = nullptr;
};

}}}  // namespace concurrent::futures::detail
