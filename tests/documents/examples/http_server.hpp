// SPDX-License-Identifier: MIT

#pragma once

#include <string>
#include <thread>

namespace tests {

// A web server on loopback, which answers as the path says:
//
//     /ok      200 and "hello"
//     /slow    the same, after a while
//     /no      404 and nothing
//     /drop    closes the connection without an answer
//     /never   holds the connection, without an answer, until the client closes it
class http_server {
public:
    http_server();
    http_server(const http_server&) = delete;
    http_server& operator=(const http_server&) = delete;
    ~http_server();

    std::string url(const std::string& path) const;

private:
    void accept_all();
    static void serve(int connection);

    int listening_;
    int port_;
    std::thread accepting_;
};

}  // namespace tests
