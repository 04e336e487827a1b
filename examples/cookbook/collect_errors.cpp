// Keep going, and collect all errors
//
// A task that fails does not disturb the others. `exception()` returns what a task threw, without throwing
// it. So one pass over the futures, in the order of the input, sorts the good results from the errors.

#include <concurrent/futures.hpp>

#include <cassert>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

namespace futures = concurrent::futures;

int parse(const std::string& text) {
    if (text.empty() || text.find_first_not_of("0123456789") != std::string::npos)
        throw std::invalid_argument("not a number: '" + text + "'");
    return std::stoi(text);
}

std::string message_of(const std::exception_ptr& failure) {
    try {
        std::rethrow_exception(failure);
    } catch (const std::exception& error) {
        return error.what();
    }
}

int main() {
    const std::vector<std::string> inputs{"1", "two", "3", "", "5"};

    futures::thread_pool_executor executor(4);
    std::vector<futures::Future<int>> tasks;
    for (const auto& input : inputs)
        tasks.push_back(executor.submit(parse, input));

    int sum = 0;
    std::vector<std::string> errors;
    for (const auto& task : tasks) {
        if (auto failure = task.exception())
            errors.push_back(message_of(failure));
        else
            sum += task.result();
    }
    assert(sum == 9);
    assert((errors == std::vector<std::string>{"not a number: 'two'", "not a number: ''"}));
}
