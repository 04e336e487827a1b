// A connection for each thread
//
// The initializer runs first on each worker, on several at the same time. What it puts into a `thread_local`
// variable is there for every task on that thread, without a lock. The variable is destroyed when the thread
// ends. If the initializer throws, the pool is broken: what waits fails with `broken_thread_pool`, and so
// does every later `submit`.
//
// A task that waits for another may run it on its own thread. Then both use one connection, so don't wait in
// the middle of a transaction.

#include <concurrent/futures.hpp>

#include <atomic>
#include <cassert>
#include <memory>
#include <ranges>
#include <string>

namespace futures = concurrent::futures;

std::atomic<int> opened = 0;
std::atomic<int> closed = 0;

// Stands for something that is expensive to open, and that only one thread may use at a time.
class connection {
public:
    explicit connection(const std::string& host) : host_(host) { ++opened; }
    ~connection() { ++closed; }
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;

    std::string query(int key) const { return host_ + '/' + std::to_string(key); }

private:
    std::string host_;
};

thread_local std::unique_ptr<connection> database;

int main() {
    const std::string host = "db.example";
    {
        futures::thread_pool_executor executor(
            {.max_workers = 3, .initializer = [host] { database = std::make_unique<connection>(host); }});
        int key = 0;
        for (const std::string& answer :
             executor.map([](int each) { return database->query(each); }, std::views::iota(0, 100))) {
            assert(answer == "db.example/" + std::to_string(key));
            ++key;
        }
        assert(opened >= 1 && opened <= 3);
    }
    assert(closed == opened);
}
