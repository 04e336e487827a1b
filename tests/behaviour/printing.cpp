// SPDX-License-Identifier: MIT

// How a future and its state are written: by a stream and, where there is one, by <format>.

#include <concurrent/futures.hpp>
#include <iomanip>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <version>

#if defined(__cpp_lib_format) || (defined(_LIBCPP_VERSION) && _LIBCPP_VERSION >= 170000)
#define HAS_FORMAT
#include <format>
#endif

#include "support/captured_log.hpp"
#include "support/catch.hpp"

namespace futures = concurrent::futures;

namespace {

template <class Value>
std::string written(const Value& value) {
    std::ostringstream stream;
    stream << value;
#if defined(HAS_FORMAT)
    CHECK(std::format("{}", value) == stream.str());
#endif
    return stream.str();
}

// Without the address, which must be there.
template <class Future>
std::string without_address(const Future& future) {
    std::string text = written(future);
    const std::string begin = "<Future at 0x";
    INFO(text);
    REQUIRE(text.starts_with(begin));
    const auto end = text.find_first_not_of("0123456789abcdef", begin.size());
    REQUIRE(end > begin.size());
    return text.replace(begin.size(), end - begin.size(), "…");
}

template <class T, class... Value>
std::string written_when_set_to(Value&&... value) {
    futures::Promise<T> promise;
    promise.set_result(std::forward<Value>(value)...);
    return without_address(promise.get_future());
}

template <class Exception>
std::string written_when_failed_with(Exception exception) {
    futures::Promise<int> promise;
    promise.set_exception(std::make_exception_ptr(std::move(exception)));
    promise.get_future().exception();
    return without_address(promise.get_future());
}

namespace shop {

struct order {};
struct sold_out : std::runtime_error {
    using std::runtime_error::runtime_error;
};

}  // namespace shop
}  // namespace

TEST_CASE("a state is written by its name") {
    CHECK(written(futures::future_state::pending) == "pending");
    CHECK(written(futures::future_state::running) == "running");
    CHECK(written(futures::future_state::cancelled) == "cancelled");
    CHECK(written(futures::future_state::finished) == "finished");
}

TEST_CASE("a future is written with its state") {
    futures::Promise<int> promise;
    CHECK(without_address(promise.get_future()) == "<Future at 0x… state=pending>");
    promise.set_running_or_notify_cancel();
    CHECK(without_address(promise.get_future()) == "<Future at 0x… state=running>");

    futures::Promise<int> cancelled;
    cancelled.get_future().cancel();
    CHECK(without_address(cancelled.get_future()) == "<Future at 0x… state=cancelled>");
}

TEST_CASE("a finished future is written with the type of what was returned") {
    CHECK(written_when_set_to<int>(42) == "<Future at 0x… state=finished returned int>");
    CHECK(written_when_set_to<void>() == "<Future at 0x… state=finished returned void>");
    CHECK(written_when_set_to<std::string>("text") == "<Future at 0x… state=finished returned std::string>");
    CHECK(written_when_set_to<std::unique_ptr<int>>(nullptr).find("unique_ptr<int") != std::string::npos);
    CHECK(written_when_set_to<shop::order>(shop::order()).find("shop::order>") != std::string::npos);
    int number = 0;
    CHECK(written_when_set_to<int&>(number).starts_with("<Future at 0x… state=finished returned int"));
}

TEST_CASE("a failed future is written with the type of what was thrown") {
    CHECK(written_when_failed_with(std::runtime_error("text")) ==
          "<Future at 0x… state=finished raised std::runtime_error>");
    CHECK(written_when_failed_with(shop::sold_out("text")).find("shop::sold_out>") != std::string::npos);
    CHECK(written_when_failed_with(42) == "<Future at 0x… state=finished raised int>");
}

TEST_CASE("a future without a state is written too") {
    CHECK(written(futures::Future<int>()) == "<Future without a state>");
}

TEST_CASE("futures are written alike exactly when they are equal") {
    futures::Promise<int> first;
    futures::Promise<int> second;
    CHECK(written(first.get_future()) == written(first.get_future()));
    CHECK(written(first.get_future()) != written(second.get_future()));
}

TEST_CASE("a width counts for all that is written") {
    std::ostringstream stream;
    stream << std::left << std::setw(10) << futures::future_state::pending << '|' << std::setw(26)
           << futures::Future<int>() << '|';
    CHECK(stream.str() == "pending   |<Future without a state>  |");
#if defined(HAS_FORMAT)
    CHECK(std::format("{:>10}|{:26}|", futures::future_state::pending, futures::Future<int>()) ==
          "   pending|<Future without a state>  |");
#endif
}

TEST_CASE("an exception that was only written counts as never looked at") {
    tests::captured_log log;
    {
        futures::Promise<int> promise;
        promise.set_exception(std::make_exception_ptr(std::runtime_error("unseen")));
        CHECK(written(promise.get_future()).ends_with("raised std::runtime_error>"));
    }
    CHECK(log.lines().size() == 1);
}

TEST_CASE("an any_future is written as the future, without the type of the result") {
    futures::Promise<int> promise;
    const futures::any_future any = promise.get_future();
    CHECK(written(any) == written(promise.get_future()));
    promise.set_result(42);
    CHECK(without_address(any) == "<Future at 0x… state=finished>");
    CHECK(written(futures::any_future()) == written(futures::Future<int>()));
}
