// Work that finds more work
//
// A crawler doesn't know in advance how much work there is. Each task returns what it found. One loop takes
// the tasks as they are done, decides what is new, and submits it. A `completion_queue` takes more futures
// while the loop runs, and the loop ends when no task is left. Only the thread of this loop knows which pages
// were seen, so nothing needs a lock.
//
// If nobody needs the results in one place, the tasks can submit further tasks themselves, to the
// `task_group` that they run in.

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
    futures::completion_queue<links> under_way;
    under_way.add(executor.submit(fetch, start));
    for (auto task : under_way) {
        for (const auto& page : task.result()) {
            if (seen.insert(page).second)
                under_way.add(executor.submit(fetch, page));
        }
    }
    return seen;
}

int main() {
    const std::set<std::string> all{"/", "/a", "/b", "/c", "/d"};

    futures::thread_pool_executor executor(4);
    assert(crawl(executor, "/") == all);

    // A task may crawl too. It fetches the pages itself if no other worker is free.
    futures::thread_pool_executor small(1);
    assert(small.submit([&] { return crawl(small, "/"); }).result() == all);
}
