// Work that finds more work
//
// A crawler doesn't know in advance how much work there is. Each task returns what it found. One loop waits
// for the tasks, decides what is new, submits it, and ends when no task is left. Only the thread of this loop
// knows which pages were seen, so nothing needs a lock.
//
// **Warning:** with n tasks under way, each round of the loop costs O(n), because `wait` starts to watch all
// of them again. If there may be many thousands, keep the new pages in a queue of your own, and submit only a
// few for each worker. The library will get a `completion_queue` later, which watches each task once.

#include <concurrent/futures.hpp>

#include <cassert>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace futures = concurrent::futures;

using links = std::vector<std::string>;

links fetch(const std::string& page) {
    static const std::map<std::string, links> web{
        {"/", {"/a", "/b"}}, {"/a", {"/", "/c"}}, {"/b", {"/c", "/d"}}, {"/c", {"/d"}}, {"/d", {"/"}}};
    return web.at(page);
}

std::set<std::string> crawl(futures::executor auto& executor, const std::string& start) {
    std::set<std::string> seen{start};
    std::vector<futures::Future<links>> under_way{executor.submit(fetch, start)};
    while (!under_way.empty()) {
        auto [done, not_done] =
            futures::wait(under_way, {.return_when = futures::return_when::first_completed});
        under_way = not_done;
        for (const auto& task : done) {
            for (const auto& page : task.result()) {
                if (seen.insert(page).second)
                    under_way.push_back(executor.submit(fetch, page));
            }
        }
    }
    return seen;
}

int main() {
    futures::thread_pool_executor executor(4);
    assert((crawl(executor, "/") == std::set<std::string>{"/", "/a", "/b", "/c", "/d"}));
}
