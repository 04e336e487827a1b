// Gather queries of different types
//
// `gather` of several futures is the future of a tuple of their values. `then` makes the answer of it when
// all are there. If a query fails, so does the answer, at once and with the same exception. A caller that
// cancels the answer cancels the queries too, as far as nobody else has a handle on them.
//
// Nothing here waits for a query. A task may wait for the answer, even on a pool of one worker.

#include <concurrent/futures.hpp>

#include <atomic>
#include <cassert>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace futures = concurrent::futures;

std::atomic<int> balances_read = 0;

struct account {
    std::string owner;
    int balance = 0;
    std::vector<std::string> messages;
};

std::string find_owner(int id) {
    if (id < 0)
        throw std::invalid_argument("no such account");
    return "owner " + std::to_string(id);
}

int find_balance(int id) {
    ++balances_read;
    return 100 * id;
}

std::vector<std::string> find_messages(int id) {
    return {"welcome, " + std::to_string(id)};
}

futures::Future<account> load(futures::executor auto& executor, int id) {
    auto all = futures::gather(executor.submit(find_owner, id), executor.submit(find_balance, id),
                               executor.submit(find_messages, id));
    return std::move(all).then([](std::tuple<std::string, int, std::vector<std::string>> answers) {
        return std::make_from_tuple<account>(std::move(answers));
    });
}

int main() {
    futures::thread_pool_executor executor(1);
    const account loaded = executor.submit([&] { return load(executor, 7).result(); }).result();
    assert(loaded.owner == "owner 7" && loaded.balance == 700 && loaded.messages.size() == 1);

    auto unknown = load(executor, -1);
    assert(unknown.exception() != nullptr);

    // While the only worker is busy, no query starts. Then the answer is given up, and none ever does.
    auto given_up = executor.submit([&] { return load(executor, 8).request_stop(); });
    assert(given_up.result());
    executor.shutdown();
    assert(balances_read == 2);
}
