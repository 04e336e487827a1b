// Tasks that log. Each line says which thread wrote it, and no line is torn by another: it is put together
// first and then written in one piece.

#include <concurrent/futures.hpp>

#include <chrono>
#include <cstdio>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace futures = concurrent::futures;

namespace {

void log(const std::string& message) {
    static std::mutex mutex;
    const std::string& thread = futures::this_thread_name();
    const std::string line = "[" + (thread.empty() ? "main" : thread) + "] " + message + "\n";
    const std::lock_guard lock(mutex);
    std::fwrite(line.data(), 1, line.size(), stdout);
}

int work(int number) {
    log("task " + std::to_string(number) + " begins");
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // stands for a request, a query
    log("task " + std::to_string(number) + " ends");
    return number * number;
}

}  // namespace

int main() {
    futures::thread_pool_executor executor({.max_workers = 4, .thread_name_prefix = "worker"});

    std::vector<futures::Future<int>> tasks;
    for (int number = 0; number < 20; ++number)
        tasks.push_back(executor.submit(work, number));

    int sum = 0;
    for (auto future : futures::as_completed(tasks))
        sum += future.result();
    log("the sum of the squares is " + std::to_string(sum));
}
