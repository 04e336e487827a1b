// SPDX-License-Identifier: MIT

#pragma once

namespace concurrent::futures { inline namespace v0_1 { namespace detail {

class helper;

// What a worker leaves to a spare one.
class errand {
public:
    errand(const errand&) = delete;
    errand& operator=(const errand&) = delete;
    virtual ~errand() = default;

    // The spare calls this, on its thread.
    virtual void run(helper& spare) noexcept = 0;

protected:
    // Errands for the same are equal.
    explicit errand(const void* what_for) noexcept : what_for_(what_for) {}

private:
    friend class permit;

    const void* const what_for_;
    errand* next_ = nullptr;
};

}}}  // namespace concurrent::futures::detail
