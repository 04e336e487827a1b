// Map over two ranges
//
// `map` takes any number of ranges. It calls the function with one element of each, side by side, up to the
// end of the shortest. It copies a container, so that the container may go before the tasks do. `std::span`,
// `std::views::all` and `std::ref` refer to a container, which must then outlive the results. Let the lambda
// capture what is the same for all elements.

#include <concurrent/futures.hpp>

#include <cassert>
#include <ranges>
#include <string>
#include <vector>

namespace futures = concurrent::futures;

int main() {
    const std::vector<std::string> names{"apples", "pears", "plums"};
    const std::vector<int> prices{3, 5, 2, 99};
    int amount = 10;
    auto line = [amount](const std::string& name, int price) {
        return std::to_string(amount) + ' ' + name + " cost " + std::to_string(amount * price);
    };

    futures::thread_pool_executor executor(2);
    std::vector<std::string> lines;
    for (std::string each : executor.map(line, std::views::all(names), std::views::all(prices)))
        lines.push_back(each);

    assert((lines == std::vector<std::string>{"10 apples cost 30", "10 pears cost 50", "10 plums cost 20"}));
}
