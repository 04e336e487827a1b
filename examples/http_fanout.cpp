// Fetches many web pages at once, by plain HTTP/1.1.
//
//     http_fanout [--timeout SECONDS] [--workers N] [--first] [--coroutines] URL...
//
// prints a line for each URL as its answer arrives, or why there is none. Each request has the timeout (10
// seconds by default) to itself. With --first, the first good answer is enough: what has not started is
// cancelled, what is under way is broken off. With --coroutines, coroutines await the answers; otherwise one
// loop blocks until the next is there. The output is the same. The exit status is 0 if all (with --first:
// any) were answered by a status below 400, else 1; 2 if the arguments are in error.

#include <concurrent/futures.hpp>

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

namespace futures = concurrent::futures;

namespace {

using clock_type = std::chrono::steady_clock;

struct options {
    std::chrono::duration<double> timeout{10};
    int workers = 32;
    bool first = false;
    bool coroutines = false;
    std::vector<std::string> urls;
};

options parse(int argc, char** argv) {
    options parsed;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        if (argument == "--timeout" && i + 1 < argc)
            parsed.timeout = std::chrono::duration<double>(std::stod(argv[++i]));
        else if (argument == "--workers" && i + 1 < argc)
            parsed.workers = std::stoi(argv[++i]);
        else if (argument == "--first")
            parsed.first = true;
        else if (argument == "--coroutines")
            parsed.coroutines = true;
        else if (!argument.starts_with("--"))
            parsed.urls.emplace_back(argument);
        else
            throw std::invalid_argument("unexpected argument " + std::string(argument));
    }
    if (parsed.urls.empty())
        throw std::invalid_argument("a URL is missing");
    return parsed;
}

struct address {
    std::string host;
    std::string port = "80";
    std::string path = "/";
};

address parse_url(std::string_view url) {
    constexpr std::string_view scheme = "http://";
    if (!url.starts_with(scheme))
        throw std::invalid_argument("not an http:// URL");
    url.remove_prefix(scheme.size());
    address parsed;
    const std::size_t slash = url.find('/');
    if (slash != std::string_view::npos) {
        parsed.path = url.substr(slash);
        url = url.substr(0, slash);
    }
    const std::size_t colon = url.find(':');
    if (colon != std::string_view::npos) {
        parsed.port = url.substr(colon + 1);
        url = url.substr(0, colon);
    }
    parsed.host = url;
    return parsed;
}

class file_descriptor {
public:
    explicit file_descriptor(int number = -1) : number_(number) {}
    file_descriptor(file_descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    file_descriptor& operator=(file_descriptor&& other) noexcept {
        std::swap(number_, other.number_);
        return *this;
    }
    ~file_descriptor() {
        if (number_ >= 0)
            close(number_);
    }
    int get() const { return number_; }

private:
    int number_;
};

// Breaks off every request that is under way: a pipe that all of them watch beside their socket, and whose
// other end is closed.
class break_off {
public:
    break_off() {
        std::array<int, 2> ends{};
        if (pipe(ends.data()) != 0)
            throw std::system_error(errno, std::generic_category(), "pipe");
        watched_ = file_descriptor(ends[0]);
        kept_open_ = file_descriptor(ends[1]);
    }
    void now() { kept_open_ = file_descriptor(); }
    int watched() const { return watched_.get(); }

private:
    file_descriptor watched_;
    file_descriptor kept_open_;
};

struct answer {
    int status = 0;
    std::size_t size = 0;  // of the body
};

class request {
public:
    request(const break_off& interruption, clock_type::time_point deadline)
        : interruption_(interruption), deadline_(deadline) {}

    answer get(const address& from) {
        connect(from);
        send("GET " + from.path + " HTTP/1.1\r\nHost: " + from.host + ":" + from.port +
             "\r\nConnection: close\r\nAccept: */*\r\n\r\n");
        return parse(receive());
    }

private:
    void connect(const address& to) {
        addrinfo hints{};
        hints.ai_socktype = SOCK_STREAM;
        addrinfo* found = nullptr;
        if (const int failure = getaddrinfo(to.host.c_str(), to.port.c_str(), &hints, &found); failure != 0)
            throw std::runtime_error(to.host + ": " + gai_strerror(failure));
        const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> list(found, &freeaddrinfo);
        int error = 0;
        for (const addrinfo* each = found; each; each = each->ai_next) {
            socket_ = file_descriptor(::socket(
                each->ai_family, each->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, each->ai_protocol));
            if (socket_.get() < 0)
                throw std::system_error(errno, std::generic_category(), "socket");
            if (::connect(socket_.get(), each->ai_addr, each->ai_addrlen) == 0)
                return;
            error = errno;
            if (error == EINPROGRESS) {
                wait_for(POLLOUT);
                socklen_t size = sizeof error;
                getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
                if (error == 0)
                    return;
            }
        }
        throw std::system_error(error, std::generic_category(), "connect");
    }

    void send(std::string_view text) {
        while (!text.empty()) {
            const ssize_t sent = ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
            if (sent >= 0)
                text.remove_prefix(static_cast<std::size_t>(sent));
            else if (errno == EAGAIN)
                wait_for(POLLOUT);
            else
                throw std::system_error(errno, std::generic_category(), "send");
        }
    }

    std::string receive() {
        std::string text;
        std::vector<char> buffer(16'384);
        for (;;) {
            const ssize_t received = recv(socket_.get(), buffer.data(), buffer.size(), 0);
            if (received > 0)
                text.append(buffer.data(), static_cast<std::size_t>(received));
            else if (received == 0)
                return text;
            else if (errno == EAGAIN)
                wait_for(POLLIN);
            else
                throw std::system_error(errno, std::generic_category(), "receive");
        }
    }

    static answer parse(const std::string& text) {
        const std::size_t body = text.find("\r\n\r\n");
        if (!text.starts_with("HTTP/1.") || body == std::string::npos)
            throw std::runtime_error("the server closed the connection without an answer");
        return {std::stoi(text.substr(text.find(' '))), text.size() - body - 4};
    }

    void wait_for(short events) {
        for (;;) {
            using std::chrono::milliseconds;
            const auto left = std::chrono::ceil<milliseconds>(deadline_ - clock_type::now());
            if (left <= milliseconds::zero())
                throw std::runtime_error("timed out");
            std::array<pollfd, 2> watched{{{socket_.get(), events, 0}, {interruption_.watched(), POLLIN, 0}}};
            const int ready = poll(watched.data(), watched.size(), static_cast<int>(left.count()));
            if (ready < 0 && errno != EINTR)
                throw std::system_error(errno, std::generic_category(), "poll");
            if (ready > 0 && watched[1].revents != 0)
                throw std::runtime_error("broken off");
            if (ready > 0)
                return;
        }
    }

    const break_off& interruption_;
    const clock_type::time_point deadline_;
    file_descriptor socket_;
};

class fan_out {
public:
    explicit fan_out(const options& chosen)
        : chosen_(chosen), executor_({.max_workers = chosen.workers, .thread_name_prefix = "http"}) {
        for (const std::string& url : chosen.urls)
            urls_.emplace(executor_.submit([this, url] { return fetch(url); }), url);
    }

    // One loop takes the answers as they come, and blocks in between.
    void block() {
        for (auto future : futures::as_completed(urls_)) {
            const std::string& url = urls_.at(future);
            try {
                report(url, future.result());
            } catch (const std::exception& error) {
                report(url, error);
            }
        }
    }

    // The same by a coroutine for each URL. One worker runs them all, so they need no lock.
    void await() {
        futures::thread_pool_executor reporter(1);
        std::vector<futures::Future<void>> reports;
        for (const auto& [future, url] : urls_)
            reports.push_back(await_one(reporter, future, url));
        futures::gather(std::move(reports)).result();
    }

    bool succeeded() const { return enough_ || good_ == urls_.size(); }

private:
    futures::Future<void> await_one(futures::thread_pool_executor<>&, futures::Future<answer> future,
                                    std::string url) {
        try {
            const answer received = co_await future;
            report(url, received);
        } catch (const std::exception& error) {
            report(url, error);
        }
    }

    // The timeout is the operation's own: a timeout of the future would end the waiting, not the request.
    answer fetch(const std::string& url) const {
        const auto deadline = clock_type::now() + std::chrono::ceil<clock_type::duration>(chosen_.timeout);
        return request(interruption_, deadline).get(parse_url(url));
    }

    void report(const std::string& url, const answer& received) {
        if (enough_)
            return;
        std::cout << received.status << ' ' << received.size << " bytes " << url << '\n';
        if (received.status >= 400)
            return;
        ++good_;
        if (chosen_.first) {
            enough_ = true;
            for (const auto& [other, its_url] : urls_)
                other.cancel();   // what has not started,
            interruption_.now();  // and what has
        }
    }

    void report(const std::string& url, const std::exception& error) const {
        if (!enough_)
            std::cout << "failed: " << error.what() << ' ' << url << '\n';
    }

    const options& chosen_;
    break_off interruption_;
    futures::thread_pool_executor<> executor_;  // its tasks use what stands above
    std::unordered_map<futures::Future<answer>, std::string> urls_;
    std::size_t good_ = 0;
    bool enough_ = false;
};

int run(const options& chosen) {
    fan_out requests(chosen);
    if (chosen.coroutines)
        requests.await();
    else
        requests.block();
    return requests.succeeded() ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(parse(argc, argv));
    } catch (const std::exception& error) {
        std::cerr
            << "http_fanout: " << error.what()
            << "\nusage: http_fanout [--timeout SECONDS] [--workers N] [--first] [--coroutines] URL...\n";
        return 2;
    }
}
