// A pipeline of stages
//
// `then` with an executor runs the next stage there. Each stage has its own workers, all stages work at once,
// and an item goes on as soon as it is through the stage before. `gather` puts the results together, in the
// order of the input. No thread waits between the stages; a task that waits for the end of the pipeline runs
// the stages of its own pool.
//
// If there is too much input for all of it to be under way at once, use `map`. It returns a range, which can
// be the input of another `map`, and `buffersize` limits how far a stage may run ahead of the next.

#include <concurrent/futures.hpp>

#include <cassert>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace futures = concurrent::futures;

using sizes = std::vector<std::size_t>;

std::string load(const std::string& name) {
    return "contents of " + name;
}

std::size_t compress(const std::string& contents) {
    return contents.size();
}

futures::Future<sizes> load_and_compress(futures::executor auto& readers, futures::executor auto& compressors,
                                         const std::vector<std::string>& names) {
    std::vector<futures::Future<std::size_t>> compressed;
    for (const auto& name : names)
        compressed.push_back(readers.submit(load, name).then(compressors, compress));
    return futures::gather(std::move(compressed));
}

int main() {
    const std::vector<std::string> names{"a", "bb", "ccc", "dddd"};
    const sizes expected{13, 14, 15, 16};

    futures::thread_pool_executor readers(8);      // they wait for the disk
    futures::thread_pool_executor compressors(2);  // they compute
    assert(load_and_compress(readers, compressors, names).result() == expected);

    sizes bounded;
    auto loaded = readers.map({.buffersize = 16}, load, names);
    for (std::size_t size : compressors.map({.buffersize = 4}, compress, std::move(loaded)))
        bounded.push_back(size);
    assert(bounded == expected);

    // A task may wait for a pipeline through its own pool, even if that has one worker.
    futures::thread_pool_executor one(1);
    auto through_both = one.submit([&] { return load_and_compress(readers, one, names).result(); });
    assert(through_both.result() == expected);
    auto through_one = one.submit([&] { return load_and_compress(one, one, names).result(); });
    assert(through_one.result() == expected);
}
