// Graceful shutdown on SIGTERM
//
// A signal handler may do hardly anything. So the program blocks the signal before it starts any thread, and
// one thread waits for it by `sigwait`. Then `shutdown` cancels what has not started, asks the tasks that run
// to stop, and waits until they have ended. A task that takes no stop token runs to its end. The program
// leaves `main` as usual. (This needs POSIX.)

#include <concurrent/futures.hpp>

#include <signal.h>
#include <unistd.h>

#include <cassert>
#include <stop_token>
#include <thread>
#include <vector>

namespace futures = concurrent::futures;

int main() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // the workers inherit it

    auto serve = [](const std::stop_token& stop, int request) {
        if (request == 0) {
            kill(getpid(), SIGTERM);  // as `kill` or a container's runtime does
            while (!stop.stop_requested())
                std::this_thread::yield();  // stands for work in short steps
        }
        return request;
    };
    futures::thread_pool_executor executor(1);
    std::vector<futures::Future<int>> requests;
    for (int request = 0; request < 10; ++request)
        requests.push_back(executor.submit(serve, request));

    int received = 0;
    sigwait(&signals, &received);
    executor.shutdown({.cancel_futures = true, .request_stop = true});

    assert(received == SIGTERM);
    assert(requests.front().result() == 0);
    assert(requests.back().cancelled());
}
