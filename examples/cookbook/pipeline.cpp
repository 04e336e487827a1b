// A pipeline of stages
//
// `map` returns a range, which can be the input of another `map`. Each stage has its own workers, all stages
// work at once, and the order is kept. `buffersize` limits how far a stage may run ahead of the next.

#include <concurrent/futures.hpp>

#include <cassert>
#include <string>
#include <utility>
#include <vector>

namespace futures = concurrent::futures;

std::string load(const std::string& name) {
    return "contents of " + name;
}

std::size_t compress(const std::string& contents) {
    return contents.size();
}

int main() {
    futures::thread_pool_executor readers(8);      // they wait for the disk
    futures::thread_pool_executor compressors(2);  // they compute
    std::vector<std::string> names{"a", "bb", "ccc", "dddd"};

    auto loaded = readers.map({.buffersize = 16}, load, std::move(names));
    std::vector<std::size_t> sizes;
    for (std::size_t size : compressors.map({.buffersize = 4}, compress, std::move(loaded)))
        sizes.push_back(size);

    assert((sizes == std::vector<std::size_t>{13, 14, 15, 16}));
}
