// SPDX-License-Identifier: MIT

#include "java.hpp"

#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <iterator>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

namespace benchmarks {

namespace {

void throw_if_failed(int error, const char* what) {
    if (error != 0) {
        throw std::system_error(error, std::generic_category(), what);
    }
}

}  // namespace

java_fork_join::java_fork_join(const std::string& kernel, int size, int threads, int seconds) {
    std::array<int, 2> ends{};
    throw_if_failed(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0 ? 0 : errno,
                    "can't make a connection for Java");
    connection_ = ends[0];
    std::vector<std::string> arguments = {BENCHMARKS_JAVA, "-cp", BENCHMARKS_JAVA_CLASSES, "ForkJoin",
                                          kernel};
    for (const int number : {size, threads, seconds}) {
        arguments.push_back(std::to_string(number));
    }
    std::vector<char*> pointers;
    for (std::string& each : arguments) {
        pointers.push_back(each.data());
    }
    pointers.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    const int error = posix_spawn(&process_, BENCHMARKS_JAVA, &actions, nullptr, pointers.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    throw_if_failed(error, "can't start Java");
    read_line();
}

java_fork_join::~java_fork_join() {
    close(connection_);
    waitpid(process_, nullptr, 0);
}

double java_fork_join::nanoseconds_a_task() {
    // Without MSG_NOSIGNAL, a process that has failed would end this one before it can say so.
    if (send(connection_, "\n", 1, MSG_NOSIGNAL) != 1) {
        throw std::system_error(errno, std::generic_category(), "can't ask Java for a round");
    }
    return std::stod(read_line());
}

std::string java_fork_join::read_line() {
    std::string line;
    for (char next = 0; next != '\n'; line.push_back(next)) {
        if (read(connection_, &next, 1) != 1) {
            throw std::runtime_error("Java has failed");
        }
    }
    return line;
}

}  // namespace benchmarks
