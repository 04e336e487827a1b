// A group per request
//
// A server answers a request from several sources at once. The function has a `task_group` of its own, so no
// task outlives the request, and the tasks may refer to local variables. If a source fails, the others are
// cancelled, and the request fails with that exception. If the time is up, `wait` throws `timeout_error`; the
// exception leaves the scope of the group, which cancels the tasks and waits for those that run.
//
// The requests are tasks of the same pool, which has only one worker here. That can't deadlock: a worker that
// waits for its group runs the group's tasks itself.

#include <concurrent/futures.hpp>

#include <cassert>
#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

namespace futures = concurrent::futures;

struct page {
    std::string user;
    std::vector<std::string> orders;
};

std::string load_user(int id) {
    if (id < 0)
        throw std::invalid_argument("no such user");
    return "user " + std::to_string(id);
}

std::vector<std::string> load_orders(int id) {
    return {"first order of " + std::to_string(id), "second order of " + std::to_string(id)};
}

page answer(futures::executor auto& executor, int id) {
    page result;
    futures::task_group group(executor);
    group.submit([&] { result.user = load_user(id); });
    group.submit([&] { result.orders = load_orders(id); });
    group.wait(std::chrono::minutes(1));
    return result;
}

int main() {
    futures::thread_pool_executor executor(1);
    std::vector<futures::Future<page>> requests;
    for (int id : {1, 2, -1, 3})
        requests.push_back(executor.submit([&executor, id] { return answer(executor, id); }));

    int answered = 0;
    int refused = 0;
    for (const auto& request : requests) {
        try {
            assert(request.result().orders.size() == 2);
            ++answered;
        } catch (const std::invalid_argument&) {
            ++refused;
        }
    }
    assert(answered == 3 && refused == 1);
    assert(requests[1].result().user == "user 2");
}
