// Logging with the thread's name
//
// Each worker has a name, `<prefix>_<n>`, which debuggers and `top -H` show too. The logger puts a line
// together first and then writes it in one piece, so lines never mix. The log handler gets the exceptions
// that nobody looked at, and can write them to the same log. It may be called as long as futures live: reset
// it before the logger goes.

#include <concurrent/futures.hpp>

#include <cassert>
#include <exception>
#include <mutex>
#include <ranges>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace futures = concurrent::futures;

class logger {
public:
    void write(std::string_view message) {
        const std::string& thread = futures::this_thread_name();
        std::string line = "[" + (thread.empty() ? "main" : thread) + "] ";
        line += message;
        const std::lock_guard lock(mutex_);
        lines_.push_back(std::move(line));  // or write it to a file, in one call
    }

    std::vector<std::string> lines() {
        const std::lock_guard lock(mutex_);
        return lines_;
    }

private:
    std::mutex mutex_;
    std::vector<std::string> lines_;
};

int main() {
    logger log;
    futures::set_log_handler(
        [&log](std::string_view message, const std::exception_ptr&) { log.write(message); });
    {
        futures::thread_pool_executor executor({.max_workers = 1, .thread_name_prefix = "crawler"});
        executor.submit([&log] { log.write("begins"); }).wait();
        executor.submit([] { throw std::runtime_error("lost"); });
    }
    log.write("ends");
    futures::set_log_handler(nullptr);

    const auto lines = log.lines();
    assert(lines.size() == 3);
    assert(lines[0] == "[crawler_0] begins");
    assert(lines[1].find("exception was never retrieved") != std::string::npos);
    assert(lines[2] == "[main] ends");
}
