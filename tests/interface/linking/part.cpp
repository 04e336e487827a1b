// SPDX-License-Identifier: MIT

#include "part.hpp"

#include <optional>
#include <stdexcept>
#include <string_view>
#include <tuple>
#include <typeinfo>
#include <utility>

namespace futures = concurrent::futures;

namespace {

futures::Future<int> add_awaited(tests::executor& executor) {
    const int two = co_await executor.submit([] { return 2; });
    co_return two + co_await executor.submit([] { return 3; });
}

class this_part final : public tests::part {
public:
    std::unique_ptr<tests::executor> make_executor(int max_workers) const override {
        return std::make_unique<tests::executor>(max_workers);
    }

    std::thread::id submit_and_wait(tests::executor& where) const override {
        return where.submit([] { return std::this_thread::get_id(); }).result();
    }

    std::thread::id submit_and_wait_for_all(tests::executor& where) const override {
        const auto future = where.submit([] { return std::this_thread::get_id(); });
        static_cast<void>(futures::wait({future}));
        return future.result();
    }

    futures::Future<int> make_continuation(tests::executor& where) const override {
        return where.submit([] { return 2; }).then([](int two) { return two + 3; });
    }

    futures::Future<int> make_gathered(tests::executor& where) const override {
        return futures::gather(where.submit([] { return 2; }), where.submit([] { return 3; }))
            .then(where,
                  [](const std::tuple<int, int>& both) { return std::get<0>(both) + std::get<1>(both); });
    }

    futures::Future<int> make_coroutine(tests::executor& where) const override { return add_awaited(where); }

    futures::Future<int> continue_what_is_done(tests::executor& where) const override {
        const auto done = where.submit([] { return 2; });
        done.wait();
        return done.then([](int two) { return two + 3; });
    }

    futures::Future<int> continue_given(const futures::Future<int>& future) const override {
        return future.then([](int value) { return value + 1; });
    }

    int wait_for(const futures::Future<int>& future) const override { return future.result(); }

    void shut_down(tests::executor& where) const override { where.shutdown(); }

    std::string thread_name() const override { return futures::this_thread_name(); }

    void log_to(std::vector<std::string>* lines) const override {
        if (lines) {
            futures::set_log_handler([lines](std::string_view message, std::exception_ptr) {
                lines->push_back(std::string(message));
            });
        } else {
            futures::set_log_handler(nullptr);
        }
    }

    void lose_an_exception() const override {
        futures::Promise<int> promise;
        static_cast<void>(promise.get_future().valid());
        promise.set_exception(std::make_exception_ptr(std::runtime_error("lost")));
    }

    void throw_timeout_error() const override { throw futures::timeout_error("too late"); }

    bool catches_as_timeout_error(const tests::part& thrower) const override {
        try {
            thrower.throw_timeout_error();
        } catch (const futures::timeout_error&) {
            return true;
        } catch (...) {
            return false;
        }
        return false;
    }

    futures::any_future make_any_future() const override {
        futures::Promise<std::unique_ptr<tests::executor>> promise;
        promise.set_result(nullptr);
        return promise.get_future();
    }

    bool recognises(const futures::any_future& any) const override {
        try {
            static_cast<void>(any.get<std::unique_ptr<tests::executor>>());
        } catch (const std::bad_cast&) {
            return false;
        }
        try {
            static_cast<void>(any.get<std::string>());
            return false;
        } catch (const std::bad_cast&) {
            return true;
        }
    }

    std::vector<const void*> singletons() const override {
        return {&futures::detail::log_registry::instance(), &futures::detail::orphaned_threads::instance()};
    }
};

}  // namespace

// A function of the name that the build gives it.
extern "C" [[gnu::visibility("default")]] const tests::part* PART() {
    static const this_part part;
    return &part;
}
