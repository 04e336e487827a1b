// SPDX-License-Identifier: MIT

// A Future: its handle, its result, its exception, its callbacks.

#include <array>
#include <atomic>
#include <chrono>
#include <concurrent/futures.hpp>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <ratio>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include "support/busy_workers.hpp"
#include "support/captured_log.hpp"
#include "support/catch.hpp"
#include "support/sanitizer.hpp"

namespace futures = concurrent::futures;
using namespace std::chrono_literals;

namespace {

template <class T>
futures::Future<T> finished_with(T value) {
    futures::Promise<T> promise;
    promise.set_result(std::move(value));
    return promise.get_future();
}

template <class T, class Exception>
futures::Future<T> failed_with(Exception exception) {
    futures::Promise<T> promise;
    promise.set_exception(std::make_exception_ptr(std::move(exception)));
    return promise.get_future();
}

template <class T>
futures::Future<T> cancelled_future() {
    futures::Promise<T> promise;
    auto future = promise.get_future();
    future.cancel();
    return future;
}

struct counts_copies {
    counts_copies() = default;
    counts_copies(const counts_copies& other) : copies(other.copies + 1), moves(other.moves) {}
    counts_copies(counts_copies&& other) noexcept : copies(other.copies), moves(other.moves + 1) {}
    int copies = 0;
    int moves = 0;
};

struct immovable {
    explicit immovable(int number) : value(number) {}
    immovable(const immovable&) = delete;
    immovable& operator=(const immovable&) = delete;
    int value;
};

struct without_default {
    explicit without_default(int number) : value(number) {}
    int value;
};

// Has a copy constructor, but only if that isn't used.
struct page {
    std::string address;
    std::vector<std::unique_ptr<int>> links;
};

// Is its own element, as some libraries' values are.
struct json : std::vector<int> {
    using value_type = json;
};

// Contain each other.
struct even;
struct odd : std::vector<even> {};
struct even : std::vector<odd> {};

struct by_pair;
struct by_tuple;
struct by_optional;
struct by_variant;
struct by_map : std::map<int, std::vector<by_pair>> {};
struct by_pair : std::vector<std::pair<const by_tuple, int>> {};
struct by_tuple : std::list<std::tuple<int, by_optional>> {};
struct by_optional : std::vector<std::optional<by_variant>> {};
struct by_variant : std::vector<std::variant<int, by_map, by_variant>> {};

// What contain each other, and one of them what can't be copied: by its constructor, or by what its author
// says.
struct of_owners;
struct far_from_owners : std::vector<of_owners> {};
struct of_owners : std::vector<std::pair<std::vector<far_from_owners>, std::vector<std::unique_ptr<int>>>> {};
struct of_pages;
struct far_from_pages : std::vector<of_pages> {};
struct of_pages : std::map<int, std::variant<far_from_pages, page>> {};

template <class T>
struct boxed {
    T* content;
};

}  // namespace

template <>
inline constexpr bool futures::is_copyable<page> = false;
template <class T>
inline constexpr bool futures::is_copyable<boxed<T>> = futures::is_copyable<T>;

TEST_CASE(
    "a default-constructed future is not valid, and every other call on it throws invalid_state_error") {
    const futures::Future<int> none;
    CHECK_FALSE(none.valid());
    CHECK_THROWS_AS(none.result(), futures::invalid_state_error);
    CHECK_THROWS_AS(none.result(0s), futures::invalid_state_error);
    CHECK_THROWS_AS(futures::Future<int>().result(), futures::invalid_state_error);
    CHECK_THROWS_AS(none.get(), futures::invalid_state_error);
    CHECK_THROWS_AS(none.exception(), futures::invalid_state_error);
    CHECK_THROWS_AS(none.cancel(), futures::invalid_state_error);
    CHECK_THROWS_AS(none.request_stop(), futures::invalid_state_error);
    CHECK_THROWS_AS(none.cancelled(), futures::invalid_state_error);
    CHECK_THROWS_AS(none.running(), futures::invalid_state_error);
    CHECK_THROWS_AS(none.done(), futures::invalid_state_error);
    CHECK_THROWS_AS(none.state(), futures::invalid_state_error);
    CHECK_THROWS_AS(none.wait(), futures::invalid_state_error);
    CHECK_THROWS_AS(none.wait_for(0s), futures::invalid_state_error);
    CHECK_THROWS_AS(none.wait_until(std::chrono::steady_clock::now()), futures::invalid_state_error);
    CHECK_THROWS_AS(none.add_done_callback([](auto) {}), futures::invalid_state_error);
}

TEST_CASE("a moved-from future is not valid") {
    auto future = finished_with(1);
    const auto taken = std::move(future);
    CHECK_FALSE(future.valid());  // NOLINT(bugprone-use-after-move): that is what is tested
    CHECK_THROWS_AS(future.result(), futures::invalid_state_error);
    CHECK(taken.result() == 1);
}

TEST_CASE("futures are equal, and hash alike, when they share their state") {
    const auto one = finished_with(1);
    const auto other = finished_with(1);
    const auto copy = one;
    CHECK(one == copy);
    CHECK(one != other);
    CHECK(std::hash<futures::Future<int>>()(one) == std::hash<futures::Future<int>>()(copy));
    CHECK(futures::Future<int>() == futures::Future<int>());
    CHECK(std::unordered_set<futures::Future<int>>{one, copy, other}.size() == 2);
}

TEST_CASE("a future assigned to itself keeps its state") {
    auto future = finished_with(7);
    auto& alias = future;
    future = alias;
    CHECK(future.result() == 7);
    future = std::move(alias);
    CHECK(future.valid());
}

TEST_CASE("result() of an lvalue refers to the one value that all handles share") {
    const auto future = finished_with(std::string("shared"));
    const auto copy = future;
    STATIC_REQUIRE(std::is_same_v<decltype(future.result()), const std::string&>);
    CHECK(&future.result() == &copy.result());
    CHECK(future.result() == "shared");
}

TEST_CASE("result() of the last handle as an rvalue moves the value out") {
    futures::thread_pool_executor executor(1);
    auto future = executor.submit([] { return counts_copies(); });
    STATIC_REQUIRE(std::is_same_v<decltype(std::move(future).result()), counts_copies>);
    const counts_copies value = std::move(future).result();
    CHECK(value.copies == 0);
    CHECK_FALSE(future.valid());  // NOLINT(bugprone-use-after-move)
}

TEST_CASE("result() of a temporary future moves the value out") {
    futures::thread_pool_executor executor(1);
    CHECK(executor.submit([] { return counts_copies(); }).result().copies == 0);
}

TEST_CASE("result() of an rvalue that is not the last handle copies the value") {
    futures::thread_pool_executor executor(1);
    const auto kept = executor.submit([] { return std::string(100, 'x'); });
    auto given = kept;
    CHECK(std::move(given).result() == std::string(100, 'x'));
    CHECK(kept.result() == std::string(100, 'x'));
}

TEST_CASE("an rvalue result() that times out keeps the handle") {
    futures::Promise<int> promise;
    auto future = promise.get_future();
    CHECK_THROWS_AS(std::move(future).result(0s), futures::timeout_error);
    REQUIRE(future.valid());  // NOLINT(bugprone-use-after-move)
    promise.set_result(5);
    CHECK(std::move(future).result(0s) == 5);
}

TEST_CASE(
    "a move-only result is read by lvalue and moved out by rvalue, also where it is not the last handle") {
    futures::thread_pool_executor executor(1);
    auto future = executor.submit([] { return std::make_unique<int>(3); });
    STATIC_REQUIRE(std::is_same_v<decltype(future.result()), const std::unique_ptr<int>&>);
    CHECK(*future.result() == 3);
    const auto other = future;
    CHECK(*std::move(future).result() == 3);
}

TEST_CASE("a result can be void, a reference, bool, const, without default constructor, or immovable") {
    futures::thread_pool_executor executor(1);
    STATIC_REQUIRE(std::is_void_v<decltype(executor.submit([] {}).result())>);
    executor.submit([] {}).result();

    int number = 1;
    auto reference = executor.submit([&]() -> int& { return number; });
    STATIC_REQUIRE(std::is_same_v<decltype(reference.result()), int&>);
    STATIC_REQUIRE(std::is_same_v<decltype(std::move(reference).result()), int&>);
    CHECK(&reference.result() == &number);
    const int& constant = number;
    CHECK(&executor.submit([&]() -> const int& { return constant; }).result() == &number);

    CHECK(executor.submit([] { return true; }).result());
    CHECK(executor.submit([] { return without_default(4); }).result().value == 4);
    CHECK(executor.submit([]() -> const without_default { return without_default(6); }).result().value == 6);

    const auto fixed = executor.submit([] { return immovable(5); });
    CHECK(fixed.result().value == 5);
}

template <class Future>
concept gives_result = requires(Future future) { static_cast<Future>(future).result(); };

TEST_CASE("result() of an immovable value can't be taken from an rvalue") {
    STATIC_REQUIRE_FALSE(gives_result<futures::Future<immovable>&&>);
    STATIC_REQUIRE(gives_result<futures::Future<immovable>&>);
    STATIC_REQUIRE(gives_result<futures::Future<std::unique_ptr<int>>&&>);
}

TEST_CASE("what can be copied is known of containers too, whose elements may not be") {
    using owner = std::unique_ptr<int>;
    STATIC_REQUIRE_FALSE(futures::is_copyable<owner>);
    STATIC_REQUIRE_FALSE(futures::is_copyable<std::vector<owner>>);
    STATIC_REQUIRE_FALSE(futures::is_copyable<std::map<int, std::list<owner>>>);
    STATIC_REQUIRE_FALSE(futures::is_copyable<std::pair<int, std::vector<owner>>>);
    STATIC_REQUIRE_FALSE(futures::is_copyable<std::tuple<std::vector<owner>>>);
    STATIC_REQUIRE_FALSE(futures::is_copyable<std::array<std::vector<owner>, 2>>);
    STATIC_REQUIRE_FALSE(futures::is_copyable<std::optional<std::vector<owner>>>);
    STATIC_REQUIRE_FALSE(futures::is_copyable<std::variant<int, std::vector<owner>>>);
    STATIC_REQUIRE_FALSE(futures::is_copyable<std::vector<page>>);
    STATIC_REQUIRE(futures::is_copyable<int>);
    STATIC_REQUIRE(futures::is_copyable<std::map<int, std::vector<std::string>>>);
    STATIC_REQUIRE(futures::is_copyable<std::tuple<std::optional<int>, std::variant<int, std::string>>>);
    STATIC_REQUIRE(futures::is_copyable<std::shared_ptr<owner>>);
    STATIC_REQUIRE(futures::is_copyable<futures::Future<std::vector<owner>>>);
    STATIC_REQUIRE(futures::is_copyable<json>);
    STATIC_REQUIRE(futures::is_copyable<std::span<owner>>);
}

TEST_CASE("what can be copied is known of containers that contain each other") {
    STATIC_REQUIRE(futures::is_copyable<odd>);
    STATIC_REQUIRE(futures::is_copyable<even>);
    STATIC_REQUIRE(futures::is_copyable<by_map>);
    STATIC_REQUIRE(futures::is_copyable<by_pair>);
    STATIC_REQUIRE(futures::is_copyable<by_tuple>);
    STATIC_REQUIRE(futures::is_copyable<by_optional>);
    STATIC_REQUIRE(futures::is_copyable<by_variant>);
    STATIC_REQUIRE_FALSE(futures::is_copyable<of_owners>);
    STATIC_REQUIRE_FALSE(futures::is_copyable<far_from_owners>);
    STATIC_REQUIRE_FALSE(futures::is_copyable<of_pages>);
    STATIC_REQUIRE_FALSE(futures::is_copyable<far_from_pages>);
    futures::thread_pool_executor executor(1);
    CHECK(executor.submit([] { return odd{{even(), even()}}; }).result().size() == 2);
    CHECK(executor.submit([] { return by_map{{{1, {}}}}; }).result().size() == 1);
    CHECK(executor.submit([] { return far_from_pages(); }).result().empty());
}

TEST_CASE("what a user says of a type by is_copyable holds wherever the type is a part") {
    STATIC_REQUIRE_FALSE(futures::is_copyable<page>);
    STATIC_REQUIRE_FALSE(futures::is_copyable<const page>);
    STATIC_REQUIRE_FALSE(futures::is_copyable<std::map<int, std::list<page>>>);
    STATIC_REQUIRE_FALSE(futures::is_copyable<std::pair<const page, int>>);
    STATIC_REQUIRE_FALSE(futures::is_copyable<std::tuple<int, std::variant<int, std::optional<page>>>>);
    STATIC_REQUIRE_FALSE(futures::is_copyable<std::vector<boxed<page>>>);
    STATIC_REQUIRE(futures::is_copyable<std::vector<boxed<int>>>);
}

template <class T>
    requires futures::is_copyable<T>
constexpr bool accepts(const T*) {
    return true;
}
template <class T>
constexpr bool accepts(const volatile T*) {
    return false;
}

TEST_CASE("is_copyable is a bool, also where nothing else is taken for one") {
    STATIC_REQUIRE(accepts(static_cast<const int*>(nullptr)));
    STATIC_REQUIRE_FALSE(accepts(static_cast<const page*>(nullptr)));
    STATIC_REQUIRE_FALSE(accepts(static_cast<const std::vector<page>*>(nullptr)));
    STATIC_REQUIRE(std::bool_constant<futures::is_copyable<odd>>::value);
    const auto copied = futures::is_copyable<int>;
    STATIC_REQUIRE(std::is_same_v<decltype(copied), const bool>);
    CHECK(copied);
}

TEST_CASE("result() of an rvalue moves containers out that can't be copied") {
    futures::thread_pool_executor executor(1);
    const auto make_one = [] {
        std::vector<std::unique_ptr<int>> owners;
        owners.push_back(std::make_unique<int>(42));
        return owners;
    };
    CHECK(*executor.submit(make_one).result().front() == 42);
    CHECK(*executor.submit(make_one).get().front() == 42);
    CHECK(*executor.submit([&] { return page{"here", make_one()}; }).result().links.front() == 42);

    auto future = executor.submit(make_one);
    const auto other = future;
    CHECK(*future.result().front() == 42);
    CHECK(*std::move(future).result().front() == 42);
    CHECK(other.result().empty());
}

TEST_CASE("a Future<T> has value_type T") {
    STATIC_REQUIRE(std::is_same_v<futures::Future<int&>::value_type, int&>);
}

TEST_CASE("result() rethrows what the task threw, each time") {
    const auto future = failed_with<int>(std::invalid_argument("Bad value"));
    CHECK_THROWS_WITH(future.result(), "Bad value");
    CHECK_THROWS_AS(future.result(), std::invalid_argument);
    CHECK_THROWS_AS(future.get(), std::invalid_argument);
}

TEST_CASE("what is thrown need not be a std::exception") {
    futures::thread_pool_executor executor(1);
    const auto future = executor.submit([]() -> int { throw 42; });
    CHECK_THROWS_AS(future.result(), int);
    CHECK(tests::what_of(future.exception()) == "not a std::exception");
}

TEST_CASE("exception() is null after success and gives the exception otherwise") {
    CHECK(finished_with(1).exception() == nullptr);
    CHECK(tests::what_of(failed_with<int>(std::runtime_error("no")).exception()) == "no");
    CHECK_THROWS_AS(cancelled_future<int>().exception(), futures::cancelled_error);
}

TEST_CASE("a result whose move throws fails in whoever takes it, and can be taken again by reference") {
    struct throws_when_moved {
        throws_when_moved() = default;
        throws_when_moved(throws_when_moved&&) { throw std::runtime_error("moved"); }
    };
    futures::thread_pool_executor executor(1);
    auto future = executor.submit([] { return throws_when_moved(); });
    CHECK_NOTHROW(future.result());
    CHECK_THROWS_WITH(std::move(future).result(), "moved");
}

TEST_CASE("a task whose result throws while it is moved into place fails with that") {
    struct throws_when_moved {
        throws_when_moved() = default;
        throws_when_moved(throws_when_moved&&) { throw std::runtime_error("moved"); }
    };
    futures::thread_pool_executor executor(1);
    throws_when_moved source;
    const auto future = executor.submit([&] { return std::move(source); });
    CHECK_THROWS_WITH(future.result(), "moved");
}

TEST_CASE("result() of a cancelled future throws cancelled_error") {
    CHECK_THROWS_AS(cancelled_future<int>().result(), futures::cancelled_error);
    CHECK_THROWS_AS(cancelled_future<void>().result(), futures::cancelled_error);
    CHECK_THROWS_AS(cancelled_future<int>().get(), futures::error);
}

TEST_CASE("the states of a future, one after the other") {
    futures::Promise<int> promise;
    const auto future = promise.get_future();
    CHECK(future.state() == futures::future_state::pending);
    CHECK_FALSE((future.running() || future.done() || future.cancelled()));
    REQUIRE(promise.set_running_or_notify_cancel());
    CHECK(future.state() == futures::future_state::running);
    CHECK((future.running() && !future.done() && !future.cancelled()));
    promise.set_result(1);
    CHECK(future.state() == futures::future_state::finished);
    CHECK((!future.running() && future.done() && !future.cancelled()));

    const auto cancelled = cancelled_future<int>();
    CHECK(cancelled.state() == futures::future_state::cancelled);
    CHECK((!cancelled.running() && cancelled.done() && cancelled.cancelled()));
}

TEST_CASE("a timeout of zero or less, or not a number, doesn't block") {
    futures::Promise<int> promise;
    const auto future = promise.get_future();
    CHECK_THROWS_AS(future.result(0s), futures::timeout_error);
    CHECK_THROWS_AS(future.result(-1h), futures::timeout_error);
    CHECK_THROWS_AS(future.result(std::chrono::seconds::min()), futures::timeout_error);
    CHECK_THROWS_AS(future.result(std::chrono::duration<double>(-1.5)), futures::timeout_error);
    CHECK_THROWS_AS(future.result(std::chrono::duration<double>(std::numeric_limits<double>::quiet_NaN())),
                    futures::timeout_error);
    CHECK_THROWS_AS(future.exception(0ms), futures::timeout_error);
    CHECK(future.wait_for(0s) == std::future_status::timeout);
}

TEST_CASE("a timeout that passes throws timeout_error, in any unit") {
    futures::Promise<int> promise;
    const auto future = promise.get_future();
    CHECK_THROWS_AS(future.result(1ms), futures::timeout_error);
    CHECK_THROWS_AS(future.result(std::chrono::duration<double>(0.001)), futures::timeout_error);
    CHECK_THROWS_AS(future.result(std::chrono::duration<float, std::milli>(0.5F)), futures::timeout_error);
    CHECK_THROWS_AS(future.result(std::chrono::duration<int, std::pico>(1)), futures::timeout_error);
    CHECK_THROWS_AS(future.exception(1us), futures::timeout_error);
}

TEST_CASE("a timed wait takes at least the time it was given") {
    futures::Promise<int> promise;
    const auto future = promise.get_future();
    const auto start = std::chrono::steady_clock::now();
    CHECK(future.wait_for(20ms) == std::future_status::timeout);
    CHECK(std::chrono::steady_clock::now() - start >= 20ms);
}

TEST_CASE("a timeout longer than the clock can count is for ever, without overflow") {
    const auto check = [](auto timeout) {
        futures::Promise<int> promise;
        const auto future = promise.get_future();
        std::thread producer([&] { promise.set_result(1); });
        const int result = future.result(timeout);
        producer.join();
        CHECK(result == 1);
        CHECK(future.wait_for(timeout) == std::future_status::ready);
    };
    check(std::chrono::nanoseconds::max());
    check(std::chrono::seconds::max());
    check(std::chrono::hours::max());
    check(std::chrono::duration<double>::max());
    check(std::chrono::duration<float>(std::numeric_limits<float>::infinity()));
    check(std::chrono::duration<long long, std::exa>::max());
    check(std::chrono::duration<unsigned char, std::ratio<3600>>(255));
    check(std::chrono::steady_clock::time_point::max() - std::chrono::steady_clock::now());
}

TEST_CASE("a timeout of 31 years and less ends, and longer ones are for ever, which every system can count") {
    using years = std::chrono::duration<double, std::chrono::years::period>;
    CHECK_FALSE(futures::timeout(years(31)).start().is_never());
    CHECK(futures::timeout(years(32)).start().is_never());
    CHECK(futures::timeout(years(250)).start().is_never());
}

TEST_CASE("the std::future names: wait, wait_for, wait_until, get") {
    futures::Promise<int> promise;
    const auto future = promise.get_future();
    CHECK(future.wait_for(1ms) == std::future_status::timeout);
    CHECK(future.wait_until(std::chrono::steady_clock::now() + 1ms) == std::future_status::timeout);
    CHECK(future.wait_until(std::chrono::system_clock::now() + 1ms) == std::future_status::timeout);
    CHECK(future.wait_until(std::chrono::system_clock::time_point::min()) == std::future_status::timeout);
    CHECK(future.wait_until(std::chrono::steady_clock::time_point::min()) == std::future_status::timeout);
    promise.set_result(3);
    future.wait();
    CHECK(future.wait_for(0s) == std::future_status::ready);
    CHECK(future.wait_until(std::chrono::steady_clock::now()) == std::future_status::ready);
    CHECK(future.wait_until(std::chrono::system_clock::time_point::max()) == std::future_status::ready);
    CHECK(future.wait_until(std::chrono::steady_clock::time_point::max()) == std::future_status::ready);
    CHECK(future.get() == 3);
    CHECK(futures::Future<int>(future).get() == 3);
}

TEST_CASE("wait_until() takes moments that its clock can't count to, and that are none") {
    using std::chrono::steady_clock;
    using std::chrono::system_clock;
    using namespace std::chrono;
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    futures::Promise<int> promise;
    const auto future = promise.get_future();
    CHECK(future.wait_until(sys_days::min()) == std::future_status::timeout);
    CHECK(future.wait_until(time_point<steady_clock, hours>::min()) == std::future_status::timeout);
    CHECK(future.wait_until(sys_days(1600y / 1 / 1)) == std::future_status::timeout);
    CHECK(future.wait_until(floor<seconds>(system_clock::now())) == std::future_status::timeout);
    CHECK(future.wait_until(sys_time<duration<double>>(duration<double>(nan))) ==
          std::future_status::timeout);
    CHECK(future.wait_until(time_point<steady_clock, duration<double>>(duration<double>(nan))) ==
          std::future_status::timeout);

    const auto waits_until_done = [](const auto& when) {
        futures::Promise<int> soon;
        std::thread other([&] { soon.set_result(1); });
        const auto status = soon.get_future().wait_until(when);
        other.join();
        return status == std::future_status::ready;
    };
    CHECK(waits_until_done(sys_days::max()));
    CHECK(waits_until_done(sys_days(9999y / 12 / 31)));
    CHECK(waits_until_done(sys_days(2500y / 12 / 31)));
    CHECK(waits_until_done(sys_seconds::max()));
    CHECK(waits_until_done(time_point<steady_clock, seconds>::max()));
    CHECK(waits_until_done(time_point<steady_clock, hours>::max()));
    CHECK(waits_until_done(sys_time<duration<double>>(duration<double>(1e300))));
    CHECK(waits_until_done(floor<seconds>(system_clock::now()) + 1h));
}

TEST_CASE("any number of threads may take the result of one future") {
    futures::Promise<std::string> promise;
    const auto future = promise.get_future();
    std::atomic<int> right = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&, copy = future] { right += copy.result() == "value"; });
    }
    promise.set_result("value");
    for (auto& thread : threads) {
        thread.join();
    }
    CHECK(right == 8);
}

TEST_CASE("two threads that take the result by their own last handles get one moved and one copied value") {
    futures::thread_pool_executor executor(2);
    for (int round = 0; round < 2000; ++round) {
        auto first = executor.submit([] { return std::make_shared<int>(7); });
        auto second = first;
        std::shared_ptr<int> by_other;
        std::thread other([&] { by_other = std::move(second).result(); });
        const std::shared_ptr<int> here = std::move(first).result();
        other.join();
        REQUIRE((*here == 7 && *by_other == 7));
    }
}

TEST_CASE("a future outlives its executor, and its value lives as long as any handle") {
    std::optional<futures::Future<std::shared_ptr<int>>> last;
    {
        futures::thread_pool_executor executor(2);
        last = executor.submit([] { return std::make_shared<int>(9); });
    }
    CHECK(*last->result() == 9);
    const std::weak_ptr<int> value = last->result();
    last.reset();
    CHECK(value.expired());
}

TEST_CASE("callbacks are called with the future, in the order in which they were added") {
    futures::Promise<int> promise;
    const auto future = promise.get_future();
    std::vector<std::string> calls;
    for (const char* name : {"first", "second", "third"}) {
        future.add_done_callback([&calls, name, future](futures::Future<int> given) {
            calls.push_back(std::string(name) + (given == future ? " " : " not ") +
                            std::to_string(given.result()));
        });
    }
    CHECK(calls.empty());
    promise.set_result(5);
    CHECK(calls == std::vector<std::string>{"first 5", "second 5", "third 5"});
}

TEST_CASE("a callback is called at once, on the adding thread, if the future is done") {
    std::thread::id called_on;
    finished_with(1).add_done_callback([&](const auto&) { called_on = std::this_thread::get_id(); });
    CHECK(called_on == std::this_thread::get_id());
    bool called = false;
    cancelled_future<int>().add_done_callback([&](auto future) { called = future.cancelled(); });
    CHECK(called);
}

TEST_CASE("a callback is called on the thread that cancels, before cancel() returns") {
    futures::thread_pool_executor executor(1);
    tests::busy_workers busy(executor);
    const auto future = executor.submit([] { return 1; });
    std::thread::id called_on;
    future.add_done_callback([&](auto) { called_on = std::this_thread::get_id(); });
    CHECK(future.cancel());
    CHECK(called_on == std::this_thread::get_id());
}

TEST_CASE("a callback is called on the worker that completes the task, and only once") {
    std::atomic<int> calls = 0;
    std::string name;
    {
        futures::thread_pool_executor executor({.max_workers = 1, .thread_name_prefix = "completing"});
        tests::busy_workers busy(executor);
        const auto future = executor.submit([] {});
        future.add_done_callback([&](auto) {
            ++calls;
            name = futures::this_thread_name();
        });
    }
    CHECK(calls == 1);
    CHECK(name == "completing_0");
}

TEST_CASE("a callback may be move-only and take the future by reference") {
    futures::Promise<int> promise;
    auto owned = std::make_unique<int>(4);
    int seen = 0;
    promise.get_future().add_done_callback(
        [&seen, owned = std::move(owned)](const futures::Future<int>& future) {
            seen = *owned + future.result();
        });
    promise.set_result(1);
    CHECK(seen == 5);
}

TEST_CASE("an exception from a callback goes to the log handler and stops nothing") {
    const tests::captured_log log;
    futures::Promise<int> promise;
    const auto future = promise.get_future();
    int called = 0;
    future.add_done_callback([](auto) { throw std::runtime_error("from the callback"); });
    future.add_done_callback([](auto) { throw 1; });
    future.add_done_callback([&](auto) { ++called; });
    promise.set_result(1);
    future.add_done_callback([](auto) { throw std::runtime_error("at once"); });
    CHECK(called == 1);
    CHECK(future.result() == 1);
    CHECK(log.lines() == std::vector<std::string>{"a done callback threw: from the callback",
                                                  "a done callback threw: not a std::exception",
                                                  "a done callback threw: at once"});
}

TEST_CASE("the log handler gets what a callback throws before what the callback captured is destroyed") {
    std::vector<long> uses;
    const auto captured = std::make_shared<int>(0);
    const auto previous = futures::set_log_handler(
        [&](std::string_view, const std::exception_ptr&) { uses.push_back(captured.use_count()); });
    futures::Promise<int> promise;
    const auto fail = [captured](const auto&) { throw std::runtime_error("from the callback"); };
    promise.get_future().add_done_callback(fail);
    promise.set_result(1);
    promise.get_future().add_done_callback(fail);
    futures::set_log_handler(previous);
    CHECK(uses == std::vector<long>{3, 3});
    CHECK(captured.use_count() == 2);
}

TEST_CASE("a callback that takes the future by value and throws leaves the other handles as they were") {
    const tests::captured_log log;
    for (const bool done_before : {false, true}) {
        futures::Promise<std::shared_ptr<int>> promise;
        auto future = promise.get_future();
        const auto fail = [](futures::Future<std::shared_ptr<int>>) { throw 1; };
        if (!done_before) {
            future.add_done_callback(fail);
        }
        promise.set_result(std::make_shared<int>(1));
        if (done_before) {
            future.add_done_callback(fail);
        }
        promise = {};
        const std::weak_ptr<int> value = future.result();
        CHECK(value.use_count() == 1);
        const auto last = std::move(future);
        CHECK(value.use_count() == 1);
        CHECK(*last.result() == 1);
    }
    CHECK(log.lines().size() == 2);
}

TEST_CASE("a callback may add a callback, which is called at once") {
    futures::Promise<int> promise;
    std::vector<int> order;
    promise.get_future().add_done_callback([&](const futures::Future<int>& future) {
        order.push_back(1);
        future.add_done_callback([&](auto) { order.push_back(2); });
        order.push_back(3);
    });
    promise.set_result(0);
    CHECK(order == std::vector<int>{1, 2, 3});
}

TEST_CASE("a callback may submit to the executor, cancel another future, and wait for a third") {
    futures::thread_pool_executor executor(1);
    tests::busy_workers busy(executor);
    const auto first = executor.submit([] { return 1; });
    const auto second = executor.submit([] { return 2; });
    const auto third = executor.submit([] { return 3; });
    futures::Promise<int> sum;
    first.add_done_callback([&](const auto& future) {
        const bool cancelled = second.cancel();
        const auto submitted = executor.submit([] { return 4; });
        sum.set_result(future.result() + third.result() + submitted.result() + (cancelled ? 100 : 0));
    });
    busy.release();
    CHECK(sum.get_future().result() == 108);
    CHECK(second.cancelled());
}

TEST_CASE("a callback may destroy the last handle, and the promise") {
    auto promise = std::make_unique<futures::Promise<std::string>>();
    auto future = std::make_unique<futures::Future<std::string>>(promise->get_future());
    std::string seen;
    future->add_done_callback([&](auto given) {
        future.reset();
        promise.reset();
        seen = std::move(given).result();
    });
    promise->set_result("still there");
    CHECK(seen == "still there");
    CHECK(promise == nullptr);
}

TEST_CASE("a callback may destroy the handle that it is added to or that cancels") {
    auto done = std::make_unique<futures::Future<int>>(finished_with(1));
    done->add_done_callback([&](auto) { done.reset(); });
    CHECK(done == nullptr);

    futures::Promise<int> promise;
    auto pending = std::make_unique<futures::Future<int>>(promise.get_future());
    pending->add_done_callback([&](auto) { pending.reset(); });
    CHECK(pending->cancel());
    CHECK(pending == nullptr);
}

TEST_CASE("callbacks added while the future completes are each called once") {
    for (int round = 0; round < tests::often(2'000); ++round) {
        futures::Promise<int> promise;
        const auto future = promise.get_future();
        std::atomic<int> calls = 0;
        std::thread adding([&] {
            for (int i = 0; i < 10; ++i) {
                future.add_done_callback([&](auto) { ++calls; });
            }
        });
        promise.set_result(round);
        adding.join();
        REQUIRE(calls == 10);
    }
}

TEST_CASE("timed waits that race the completion see either the timeout or the result") {
    futures::thread_pool_executor executor(2);
    for (int round = 0; round < tests::often(5'000); ++round) {
        const auto future = executor.submit([round] { return round; });
        int result = -1;
        try {
            result = future.result(std::chrono::nanoseconds(round));
        } catch (const futures::timeout_error&) {
            result = future.result();
        }
        REQUIRE(result == round);
    }
}
