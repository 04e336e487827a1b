// Many tasks that share a few connections. A semaphore counts the free ones; a task that finds none waits for
// the next that is given back.

#include <concurrent/futures.hpp>

#include <chrono>
#include <iostream>
#include <memory>
#include <mutex>
#include <ranges>
#include <semaphore>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace futures = concurrent::futures;

namespace {

// Stands for a connection to a database: dear to open, and only one query at a time.
class connection {
public:
    explicit connection(int number) : number_(number) {}

    std::string query(int key) {
        ++queries_;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        return "value " + std::to_string(key) + " by connection " + std::to_string(number_);
    }

    int queries() const { return queries_; }

private:
    int number_;
    int queries_ = 0;  // needs no lock: whoever has the connection is alone with it
};

class connection_pool {
public:
    explicit connection_pool(int size) : free_count_(size) {
        for (int number = 0; number < size; ++number)
            free_.push_back(std::make_unique<connection>(number));
    }

    // A connection for as long as this lives.
    class lease {
    public:
        explicit lease(connection_pool& pool) : pool_(pool), connection_(pool.take()) {}
        ~lease() { pool_.give_back(std::move(connection_)); }
        lease(const lease&) = delete;
        lease& operator=(const lease&) = delete;

        connection* operator->() const { return connection_.get(); }

    private:
        connection_pool& pool_;
        std::unique_ptr<connection> connection_;
    };

    // Only when nobody uses the pool any more.
    const std::vector<std::unique_ptr<connection>>& all() const { return free_; }

private:
    std::unique_ptr<connection> take() {
        free_count_.acquire();
        const std::lock_guard lock(mutex_);
        auto taken = std::move(free_.back());
        free_.pop_back();
        return taken;
    }

    void give_back(std::unique_ptr<connection> returned) {
        {
            const std::lock_guard lock(mutex_);
            free_.push_back(std::move(returned));
        }
        free_count_.release();
    }

    std::counting_semaphore<> free_count_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<connection>> free_;
};

}  // namespace

int main() {
    connection_pool connections(3);             // outlives the tasks that use it,
    futures::thread_pool_executor executor(8);  // which end with the executor

    auto look_up = [&connections](int key) {
        connection_pool::lease connection(connections);
        return connection->query(key);
    };
    for (const std::string& answer : executor.map(look_up, std::views::iota(0, 30)))
        std::cout << answer << '\n';

    executor.shutdown();
    int queries = 0;
    for (const auto& connection : connections.all())
        queries += connection->queries();
    std::cout << queries << " queries by " << connections.all().size() << " connections\n";
}
