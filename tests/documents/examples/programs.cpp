// SPDX-License-Identifier: MIT

// The example programs, run as their users run them. EXAMPLES is where they are.

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "http_server.hpp"
#include "process.hpp"
#include "support/catch.hpp"

namespace {

namespace filesystem = std::filesystem;

tests::process_result run_example(const std::string& name, std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.begin(), std::string(EXAMPLES) + '/' + name);
    return tests::run(arguments);
}

std::vector<std::string> sorted_lines(const std::string& text) {
    auto lines = tests::lines_of(text);
    std::sort(lines.begin(), lines.end());
    return lines;
}

class temporary_directory {
public:
    temporary_directory() {
        std::string pattern = (filesystem::temp_directory_path() / "concurrent_futures.XXXXXX").string();
        if (!mkdtemp(pattern.data())) {
            throw std::runtime_error("mkdtemp");
        }
        path_ = pattern;
    }
    temporary_directory(const temporary_directory&) = delete;
    temporary_directory& operator=(const temporary_directory&) = delete;
    ~temporary_directory() { filesystem::remove_all(path_); }

    const filesystem::path& path() const { return path_; }

private:
    filesystem::path path_;
};

std::vector<std::string> by_sha256sum(const std::string& directory) {
    const auto result = tests::run({"find", directory, "-type", "f", "-exec", "sha256sum", "{}", "+"});
    REQUIRE(result.exit_status == 0);
    return sorted_lines(result.output);
}

}  // namespace

TEST_CASE("quickstart prints what the tasks gave, in order of completion, and then the map") {
    const auto result = run_example("quickstart");
    CHECK(result.exit_status == 0);
    CHECK(result.errors.empty());
    auto lines = tests::lines_of(result.output);
    REQUIRE(lines.size() == 10);
    std::sort(lines.begin(), lines.begin() + 5);
    CHECK(lines == std::vector<std::string>{"0 -> 0", "1 -> 2", "2 -> 4", "3 failed: Bad value", "4 -> 8",
                                            "0", "2", "4", "6", "8"});
}

TEST_CASE("logging tears no line") {
    const auto result = run_example("logging");
    CHECK(result.exit_status == 0);
    std::multiset<std::string> expected{"the sum of the squares is 2470"};
    for (int task = 0; task < 20; ++task) {
        expected.insert("task " + std::to_string(task) + " begins");
        expected.insert("task " + std::to_string(task) + " ends");
    }
    const std::set<std::string> names{"[main]", "[worker_0]", "[worker_1]", "[worker_2]", "[worker_3]"};
    std::multiset<std::string> messages;
    for (const auto& line : tests::lines_of(result.output)) {
        INFO(line);
        const std::size_t space = line.find(' ');
        REQUIRE(space != std::string::npos);
        CHECK(names.contains(line.substr(0, space)));
        messages.insert(line.substr(space + 1));
    }
    CHECK(messages == expected);
}

TEST_CASE("nested waits inside tasks, on one thread") {
    const auto result = run_example("nested");
    CHECK(result.exit_status == 0);
    CHECK(result.output == "fibonacci(15) = 610\nsum of products = 2025\nlargest square = 81\nthreads: 1\n");
}

TEST_CASE("connection_pool makes all queries by three connections") {
    const auto result = run_example("connection_pool");
    CHECK(result.exit_status == 0);
    const auto lines = tests::lines_of(result.output);
    REQUIRE(lines.size() == 31);
    for (int key = 0; key < 30; ++key) {
        CHECK(lines[static_cast<std::size_t>(key)].starts_with("value " + std::to_string(key) +
                                                               " by connection "));
    }
    CHECK(lines[30] == "30 queries by 3 connections");
}

TEST_CASE("mandelbrot writes a picture and prints the speed-up") {
    const temporary_directory directory;
    const auto file = directory.path() / "mandelbrot.pgm";
    const auto result = run_example("mandelbrot", {file.string(), "--width", "90", "--workers", "2"});
    CHECK(result.exit_status == 0);
    double one_thread = 0, two_workers = 0, speed_up = 0;
    CHECK(std::sscanf(result.output.c_str(), "one thread: %lf s, 2 workers: %lf s, speed-up %lf", &one_thread,
                      &two_workers, &speed_up) == 3);
    CHECK(std::min({one_thread, two_workers, speed_up}) > 0);
    std::ifstream picture(file, std::ios::binary);
    const std::string contents((std::istreambuf_iterator<char>(picture)), std::istreambuf_iterator<char>());
    const std::string header = "P5\n90 60\n255\n";
    REQUIRE(contents.size() == header.size() + std::size_t{90} * 60);
    CHECK(contents.starts_with(header));
    const auto pixel = [&](std::size_t x, std::size_t y) { return contents[header.size() + y * 90 + x]; };
    CHECK(pixel(60, 30) == 0);            // 0 is in the set
    CHECK(pixel(0, 0) == char(255 - 1));  // -2-i is not
    CHECK(run_example("mandelbrot").exit_status != 0);
    CHECK(run_example("mandelbrot", {"/nowhere/picture.pgm", "--width", "3"}).exit_status != 0);
}

TEST_CASE("checksum_tree prints what sha256sum prints, for the compiler's own headers") {
    for (const char* workers : {"1", "8"}) {
        const auto result = run_example("checksum_tree", {COMPILER_HEADERS, "--workers", workers});
        CHECK(result.exit_status == 0);
        CHECK(result.errors.empty());  // no terminal, no progress bar
        const auto expected = by_sha256sum(COMPILER_HEADERS);
        REQUIRE(expected.size() > 100);
        CHECK(sorted_lines(result.output) == expected);
    }
}

TEST_CASE("checksum_tree escapes names as sha256sum does, and leaves links, directories and pipes alone") {
    const temporary_directory directory;
    for (const char* name : {"plain", "back\\slash", "line\nend", "carriage\rreturn", "with space", "-"}) {
        std::ofstream(directory.path() / name) << name;
    }
    std::ofstream(directory.path() / "empty").close();
    filesystem::create_directories(directory.path() / "a" / "b");
    std::ofstream(directory.path() / "a" / "b" / "deep") << std::string(1'000'000, 'x');
    filesystem::create_symlink("plain", directory.path() / "link");
    filesystem::create_directory_symlink("a", directory.path() / "directory_link");
    REQUIRE(mkfifo((directory.path() / "pipe").c_str(), 0600) == 0);
    const auto result = run_example("checksum_tree", {directory.path().string()});
    CHECK(result.exit_status == 0);
    CHECK(sorted_lines(result.output) == by_sha256sum(directory.path().string()));
}

TEST_CASE("checksum_tree reports what it can't read, and counts it in its exit status") {
    // A file that not even root can read from the start.
    const auto unreadable = run_example("checksum_tree", {"/proc/self/mem"});
    CHECK(unreadable.exit_status == 1);
    CHECK(unreadable.output.empty());
    CHECK(unreadable.errors.starts_with("checksum_tree: /proc/self/mem: "));

    const auto missing = run_example("checksum_tree", {"/nowhere"});
    CHECK(missing.exit_status == 1);
    CHECK(missing.errors == "checksum_tree: /nowhere: No such file or directory\n");

    CHECK(run_example("checksum_tree").exit_status == 126);
    CHECK(run_example("checksum_tree", {"/", "--workers", "0"}).exit_status == 126);
    CHECK(run_example("checksum_tree", {"--unknown"}).exit_status == 126);
}

TEST_CASE("http_fanout prints each answer, and why there is none") {
    const tests::http_server server;
    std::vector<std::string> arguments{"--timeout",         "30",
                                       server.url("/slow"), server.url("/ok"),
                                       server.url("/no"),   server.url("/drop"),
                                       "ftp://elsewhere"};
    for (const bool coroutines : {false, true}) {
        if (coroutines) {
            arguments.push_back("--coroutines");
        }
        const auto result = run_example("http_fanout", arguments);
        CHECK(result.exit_status == 1);
        CHECK(result.errors.empty());
        CHECK(sorted_lines(result.output) ==
              std::vector<std::string>{
                  "200 5 bytes " + server.url("/ok"), "200 5 bytes " + server.url("/slow"),
                  "404 0 bytes " + server.url("/no"), "failed: not an http:// URL ftp://elsewhere",
                  "failed: the server closed the connection without an answer " + server.url("/drop")});
    }
    CHECK(run_example("http_fanout", {server.url("/ok"), server.url("/slow")}).exit_status == 0);
}

TEST_CASE("http_fanout gives each request its timeout") {
    const tests::http_server server;
    const auto result =
        run_example("http_fanout", {"--timeout", "0.05", "--workers", "1", server.url("/never")});
    CHECK(result.exit_status == 1);
    CHECK(sorted_lines(result.output).front() == "failed: timed out " + server.url("/never"));
}

TEST_CASE("http_fanout makes many requests at once") {
    const tests::http_server server;
    std::vector<std::string> arguments{"--workers", "50"};
    for (int i = 0; i < 200; ++i) {
        arguments.push_back(server.url("/slow"));
    }
    const auto result = run_example("http_fanout", arguments);
    CHECK(result.exit_status == 0);
    CHECK(tests::lines_of(result.output) ==
          std::vector<std::string>(200, "200 5 bytes " + server.url("/slow")));
}

TEST_CASE("http_fanout --first is content with the first good answer, and breaks off the rest") {
    const tests::http_server server;
    // The server never answers the others, and their timeout is longer than this test may run.
    std::vector<std::string> arguments{"--first",
                                       "--timeout",
                                       "3600",
                                       "--workers",
                                       "3",
                                       server.url("/never"),
                                       server.url("/drop"),
                                       server.url("/ok"),
                                       server.url("/never"),
                                       server.url("/never")};
    for (const bool coroutines : {false, true}) {
        if (coroutines) {
            arguments.push_back("--coroutines");
        }
        const auto result = run_example("http_fanout", arguments);
        CHECK(result.exit_status == 0);
        CHECK(result.errors.empty());
        const auto lines = tests::lines_of(result.output);
        REQUIRE_FALSE(lines.empty());
        CHECK(lines.back() == "200 5 bytes " + server.url("/ok"));
    }
}

TEST_CASE("http_fanout says how it is used") {
    CHECK(run_example("http_fanout").exit_status == 2);
    CHECK(run_example("http_fanout", {"--timeout", "x", "http://localhost"}).exit_status == 2);
}
