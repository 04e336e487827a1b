// SPDX-License-Identifier: MIT

#include "fiber.hpp"

#include <cxxabi.h>
#include <link.h>

#include <algorithm>
#include <cstring>

// Not in every <cxxabi.h>, but in every ABI: where a thread keeps the exceptions that it has caught and how
// many are under way, a pointer and a number.
namespace __cxxabiv1 {
struct __cxa_eh_globals;
extern "C" __cxa_eh_globals* __cxa_get_globals() noexcept;
}  // namespace __cxxabiv1

namespace model {
namespace {

// The program's own thread-local variables, as they are now and as they are in a new thread. Those of the
// libraries are left alone.
struct thread_local_block {
    std::span<std::byte> now;
    std::span<const std::byte> initial;  // the rest is zero
};

thread_local_block find_thread_locals() {
    thread_local_block found;
    dl_iterate_phdr(
        [](dl_phdr_info* info, std::size_t, void* result) {
            auto& block = *static_cast<thread_local_block*>(result);
            for (const auto& header : std::span(info->dlpi_phdr, info->dlpi_phnum)) {
                if (header.p_type == PT_TLS) {
                    block.now = {static_cast<std::byte*>(info->dlpi_tls_data), header.p_memsz};
                    block.initial = {reinterpret_cast<const std::byte*>(info->dlpi_addr + header.p_vaddr),
                                     header.p_filesz};
                }
            }
            return 1;  // the first is the program itself
        },
        &found);
    return found;
}

const thread_local_block& thread_locals() {
    static const thread_local_block block = find_thread_locals();
    return block;
}

}  // namespace

fiber::fiber() : thread_locals_(thread_locals().now.size()) {}

void fiber::start(void (*main)(), std::span<std::byte> stack) {
    const auto initial = thread_locals().initial;
    std::fill(std::copy(initial.begin(), initial.end(), thread_locals_.begin()), thread_locals_.end(),
              std::byte(0));
    exceptions_ = {};
    getcontext(&context_);
    context_.uc_stack.ss_sp = stack.data();
    context_.uc_stack.ss_size = stack.size();
    context_.uc_link = nullptr;
    makecontext(&context_, main, 0);
    has_begun_ = false;
}

void fiber::switch_to(fiber& next) {
    const auto now = thread_locals().now;
    std::copy(now.begin(), now.end(), thread_locals_.begin());
    std::copy(next.thread_locals_.begin(), next.thread_locals_.end(), now.begin());
    void* const exceptions = __cxxabiv1::__cxa_get_globals();
    std::memcpy(exceptions_.data(), exceptions, exceptions_.size());
    std::memcpy(exceptions, next.exceptions_.data(), exceptions_.size());
    has_begun_ = true;
    // A context is only for the first switch: each switch to one calls the system for the signal mask.
    if (_setjmp(left_at_) == 0) {
        if (next.has_begun_) {
            _longjmp(next.left_at_, 1);
        }
        setcontext(&next.context_);
    }
}

}  // namespace model
