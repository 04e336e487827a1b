// A connection for each thread
//
// The initializer runs first on each worker. What it puts into a `thread_local` variable is there for every
// task on that thread, without a lock, and is destroyed when the thread ends. If it throws, the pool is
// broken and says so.

#include <concurrent/futures.hpp>

#include <atomic>
#include <cassert>
#include <memory>
#include <ranges>
#include <string>

namespace futures = concurrent::futures;

std::atomic<int> opened = 0;
std::atomic<int> closed = 0;

// Stands for what is dear to open and can't be used by two threads at once.
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
