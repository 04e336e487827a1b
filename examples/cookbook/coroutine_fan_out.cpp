// A coroutine that fans out
//
// The coroutine submits a task for each part, and awaits all of them by `gather`. Meanwhile it holds no
// thread, so one worker can serve any number of such coroutines. If a part fails, `co_await` rethrows its
// exception at once. The parts may still run then: so give them copies, or what outlives the executor.
//
// A coroutine may await others: `total` starts one for each directory. A task may wait for all of that, even
// on a pool of one worker.

#include <concurrent/futures.hpp>

#include <cassert>
#include <cstddef>
#include <map>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

namespace futures = concurrent::futures;

using sizes = std::vector<std::size_t>;

const std::map<std::string, std::vector<std::string>> disk{
    {"music", {"prelude", "fugue"}}, {"letters", {"to Anna", "to Carl", "to Emanuel"}}, {"empty", {}}};

std::size_t size_of(const std::string& file) {
    return file.size();
}

std::size_t sum_of(const sizes& all) {
    return std::accumulate(all.begin(), all.end(), std::size_t{0});
}

// Coroutines take their parameters by value, except what outlives them.
futures::Future<std::size_t> size_of_directory(futures::thread_pool_executor<>& executor,
                                               std::string directory) {
    std::vector<futures::Future<std::size_t>> parts;
    for (const auto& file : disk.at(directory))
        parts.push_back(executor.submit(size_of, file));
    const sizes all = co_await futures::gather(std::move(parts));
    co_return sum_of(all);
}

futures::Future<std::size_t> total(futures::thread_pool_executor<>& executor) {
    std::vector<futures::Future<std::size_t>> directories;
    for (const auto& [name, files] : disk)
        directories.push_back(size_of_directory(executor, name));
    const sizes all = co_await futures::gather(std::move(directories));
    co_return sum_of(all);
}

int main() {
    futures::thread_pool_executor executor(1);
    assert(size_of_directory(executor, "music").result() == 12);
    assert(total(executor).result() == 36);

    assert(executor.submit([&] { return total(executor).result(); }).result() == 36);

    auto missing = size_of_directory(executor, "no such directory");
    assert(missing.exception() != nullptr);
}
