// Results in order, while they stream
//
// `map` gives the results in the order of the input, each as soon as it is there. With `buffersize`, `map`
// reads the input only so far ahead of what you have taken. So the input may be endless: a file, a socket, a
// generator. The thread that takes the results reads it.
//
// You may leave the loop at any time. The results then cancel what has not started, and their destructor
// waits for what runs.

#include <concurrent/futures.hpp>

#include <cassert>
#include <ranges>
#include <sstream>
#include <string>
#include <vector>

namespace futures = concurrent::futures;

int main() {
    std::istringstream input("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20");
    auto square = [](int number) { return number * number; };

    futures::thread_pool_executor executor(4);
    std::vector<int> squares;
    for (int result : executor.map({.buffersize = 3}, square, std::ranges::istream_view<int>(input))) {
        squares.push_back(result);
        if (result >= 100)
            break;
    }
    assert((squares == std::vector<int>{1, 4, 9, 16, 25, 36, 49, 64, 81, 100}));

    int next = 0;
    input >> next;
    assert(next > 10 && next <= 14);  // `map` has read ahead by no more than three
}
