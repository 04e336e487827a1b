// SPDX-License-Identifier: MIT

#include "http_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <string_view>
#include <system_error>
#include <vector>

namespace tests {

namespace {

int checked(int result, const char* what) {
    if (result < 0) {
        throw std::system_error(errno, std::generic_category(), what);
    }
    return result;
}

void send_all(int connection, std::string_view text) {
    while (!text.empty()) {
        const ssize_t sent = send(connection, text.data(), text.size(), MSG_NOSIGNAL);
        if (sent <= 0) {
            return;  // the client has gone
        }
        text.remove_prefix(static_cast<std::size_t>(sent));
    }
}

}  // namespace

http_server::http_server() : listening_(checked(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket")) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    checked(bind(listening_, reinterpret_cast<const sockaddr*>(&address), size), "bind");
    checked(listen(listening_, SOMAXCONN), "listen");
    checked(getsockname(listening_, reinterpret_cast<sockaddr*>(&address), &size), "getsockname");
    port_ = ntohs(address.sin_port);
    accepting_ = std::thread([this] { accept_all(); });
}

http_server::~http_server() {
    shutdown(listening_, SHUT_RDWR);  // ends the accept
    accepting_.join();
    close(listening_);
}

std::string http_server::url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
}

void http_server::accept_all() {
    std::vector<std::thread> serving;
    for (;;) {
        const int connection = accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
        if (connection < 0) {
            break;
        }
        serving.emplace_back([connection] {
            serve(connection);
            close(connection);
        });
    }
    for (std::thread& each : serving) {
        each.join();
    }
}

void http_server::serve(int connection) {
    std::string request;
    std::array<char, 1024> buffer{};
    while (request.find("\r\n\r\n") == std::string::npos) {
        const ssize_t received = recv(connection, buffer.data(), buffer.size(), 0);
        if (received <= 0) {
            return;
        }
        request.append(buffer.data(), static_cast<std::size_t>(received));
    }
    constexpr std::string_view hello =
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
    if (request.starts_with("GET /ok ")) {
        send_all(connection, hello);
    } else if (request.starts_with("GET /slow ")) {
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
        send_all(connection, hello);
    } else if (request.starts_with("GET /no ")) {
        send_all(connection, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    } else if (request.starts_with("GET /never ")) {
        while (recv(connection, buffer.data(), buffer.size(), 0) > 0) {
        }
    }
}

}  // namespace tests
