// Graceful shutdown on SIGTERM
//
// A signal handler may hardly do anything. So the signal is blocked, before any thread is started, and one
// thread waits for it by `sigwait`. Then what runs ends, what has not started is cancelled, and the program
// leaves main as usual. (POSIX.)

#include <concurrent/futures.hpp>

#include <signal.h>
#include <unistd.h>

#include <cassert>
#include <latch>
#include <vector>

namespace futures = concurrent::futures;

int main() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // the workers inherit it

    std::latch stopping{1};
    auto serve = [&stopping](int request) {
        if (request == 0) {
            kill(getpid(), SIGTERM);  // as `kill` or a container's runtime does
            stopping.wait();
        }
        return request;
    };
    futures::thread_pool_executor executor(1);
    std::vector<futures::Future<int>> requests;
    for (int request = 0; request < 10; ++request)
        requests.push_back(executor.submit(serve, request));

    int received = 0;
    sigwait(&signals, &received);
    executor.shutdown({.wait = false, .cancel_futures = true});
    stopping.count_down();
    executor.shutdown();  // waits for what runs

    assert(received == SIGTERM);
    assert(requests.front().result() == 0);
    assert(requests.back().cancelled());
}
