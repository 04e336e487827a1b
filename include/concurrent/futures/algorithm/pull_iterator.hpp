// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>      // std::ptrdiff_t
#include <iterator>     // std::input_iterator_tag, std::default_sentinel_t
#include <type_traits>  // std::remove_cvref_t
#include <utility>      // std::declval

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

// `pull_iterator` iterates a single-pass range. The body has `get()` for the current element, `advance()` to
// the next, and `at_end()`.
template <class Body>
class pull_iterator {
public:
    using iterator_concept = std::input_iterator_tag;
    using iterator_category = std::input_iterator_tag;
    using reference = decltype(std::declval<Body&>().get());
    using value_type = std::remove_cvref_t<reference>;
    using difference_type = std::ptrdiff_t;
    using pointer = void;

    explicit pull_iterator(Body& body) noexcept : body_(&body) {}
    pull_iterator(pull_iterator&&) noexcept = default;
    pull_iterator& operator=(pull_iterator&&) noexcept = default;

    reference operator*() const noexcept { return body_->get(); }
    pull_iterator& operator++() {
        body_->advance();
        return *this;
    }
    void operator++(int) { body_->advance(); }

    friend bool operator==(const pull_iterator& self, std::default_sentinel_t) noexcept {
        return self.body_->at_end();
    }

private:
    Body* body_;
};

}}}  // namespace concurrent::futures::detail
