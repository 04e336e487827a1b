// A coroutine over two pools
//
// One pool waits for the network, the other computes. The coroutine awaits a task of each in turn. It always
// goes on as a task of its first parameter. `co_await other.schedule()` moves the lines up to the next
// `co_await` to another executor, without a function of their own.
//
// Tasks of both pools may wait for such coroutines, and so for each other, even if each pool has one worker:
// a worker that waits runs what it waits for, as soon as that can run in its pool.

#include <concurrent/futures.hpp>

#include <cassert>
#include <cstddef>
#include <string>
#include <utility>

namespace futures = concurrent::futures;

using pool = futures::thread_pool_executor<>;

std::string download(const std::string& url) {
    return "page of " + url;
}

std::size_t parse(const std::string& page) {
    return page.size();
}

futures::Future<std::size_t> rank(pool& network, pool& computing, std::string url) {
    std::string page = co_await network.submit(download, std::move(url));
    co_return 2 * co_await computing.submit(parse, std::move(page));
}

// Returns the names of the threads that it ran on.
futures::Future<std::string> travel(pool&, pool& abroad) {
    std::string names = futures::this_thread_name();
    co_await abroad.schedule();
    names += ' ' + futures::this_thread_name();
    co_await abroad.submit([] {});
    names += ' ' + futures::this_thread_name();
    co_return names;
}

int main() {
    pool computing({.max_workers = 1, .thread_name_prefix = "computing"});
    pool network({.max_workers = 1, .thread_name_prefix = "network"});
    assert(rank(network, computing, "x.org").result() == 26);
    assert(travel(network, computing).result() == "network_0 computing_0 network_0");

    // Each pool's only worker waits for what the other pool has to do.
    auto in_network = network.submit([&] { return rank(computing, network, "y.org").result(); });
    auto in_computing = computing.submit([&] { return rank(network, computing, "z.org").result(); });
    assert(in_network.result() + in_computing.result() == 52);
}
