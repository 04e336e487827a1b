// Prints, as sha256sum does, the SHA-256 of every regular file under a directory, each as soon as it is
// known.
//
//     checksum_tree DIR [--workers N]
//
// Symbolic links are not followed. What can't be read is reported on stderr. The exit status is the number of
// files and directories that couldn't be read, at most 125; 126 if the arguments or the output are in error.

#include <concurrent/futures.hpp>

#include <openssl/evp.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <vector>

namespace futures = concurrent::futures;
namespace filesystem = std::filesystem;

namespace {

constexpr int most_unreadable = 125;
constexpr int wrong_usage = 126;

struct options {
    filesystem::path directory;
    std::optional<int> workers;
};

options parse(int argc, char** argv) {
    options parsed;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        if (argument == "--workers" && i + 1 < argc) {
            parsed.workers = std::stoi(argv[++i]);
        } else if (parsed.directory.empty() && !argument.starts_with("--")) {
            parsed.directory = argument;
        } else {
            throw std::invalid_argument("unexpected argument " + std::string(argument));
        }
    }
    if (parsed.directory.empty())
        throw std::invalid_argument("a directory is missing");
    return parsed;
}

std::string sha256(const filesystem::path& path) {
    struct close_file {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };
    struct free_digest {
        void operator()(EVP_MD_CTX* digest) const { EVP_MD_CTX_free(digest); }
    };
    const auto check = [](int result) {
        if (result != 1)
            throw std::runtime_error("the SHA-256 computation failed");
    };

    const std::unique_ptr<std::FILE, close_file> file(std::fopen(path.c_str(), "rb"));
    if (!file)
        throw std::system_error(errno, std::generic_category());
    const std::unique_ptr<EVP_MD_CTX, free_digest> digest(EVP_MD_CTX_new());
    if (!digest)
        throw std::bad_alloc();
    check(EVP_DigestInit_ex(digest.get(), EVP_sha256(), nullptr));

    std::vector<unsigned char> buffer(65'536);
    while (const std::size_t size = std::fread(buffer.data(), 1, buffer.size(), file.get()))
        check(EVP_DigestUpdate(digest.get(), buffer.data(), size));
    if (std::ferror(file.get()))
        throw std::system_error(errno, std::generic_category());

    std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
    unsigned int size = 0;
    check(EVP_DigestFinal_ex(digest.get(), hash.data(), &size));
    std::string hexadecimal;
    for (unsigned int i = 0; i < size; ++i) {
        constexpr std::string_view digits = "0123456789abcdef";
        hexadecimal += digits[hash[i] / 16];
        hexadecimal += digits[hash[i] % 16];
    }
    return hexadecimal;
}

// A name with a backslash or a line's end in it is escaped, which a backslash before the line announces.
std::string line_for(const std::string& hash, const filesystem::path& path) {
    std::string name;
    for (const char c : path.native()) {
        if (c == '\\')
            name += "\\\\";
        else if (c == '\n')
            name += "\\n";
        else if (c == '\r')
            name += "\\r";
        else
            name += c;
    }
    return (name == path.native() ? "" : "\\") + hash + "  " + name + '\n';
}

// One line on stderr that is drawn over, if that is a terminal.
class progress_bar {
public:
    void draw(std::size_t done, std::size_t all) {
        if (!shown_)
            return;
        constexpr std::size_t width = 40;
        const std::size_t filled = all == 0 ? width : done * width / all;
        std::cerr << "\r[" << std::string(filled, '#') << std::string(width - filled, ' ') << "] " << done
                  << '/' << all;
    }
    void clear() {
        if (shown_)
            std::cerr << "\r\033[K";
    }

private:
    const bool shown_ = isatty(STDERR_FILENO) != 0;
};

class checksum_tree {
public:
    explicit checksum_tree(const options& chosen)
        : executor_({.max_workers = chosen.workers, .thread_name_prefix = "checksum"}) {
        add(chosen.directory);
    }

    int print() {
        std::size_t done = 0;
        for (auto future : futures::as_completed(paths_)) {
            const filesystem::path& path = paths_.at(future);
            try {
                const std::string line = line_for(future.result(), path);
                progress_.clear();
                std::cout << line;
            } catch (const std::exception& error) {
                report(path, error.what());
            }
            progress_.draw(++done, paths_.size());
        }
        progress_.clear();
        if (!std::cout.flush())
            throw std::runtime_error("can't write the output");
        return std::min(unreadable_, most_unreadable);
    }

private:
    // Hashing begins while the rest of the tree is still being walked.
    void add(const filesystem::path& root) {
        std::vector<filesystem::path> directories;
        const auto visit = [&](const filesystem::path& path, const filesystem::file_status& status) {
            if (filesystem::is_directory(status))
                directories.push_back(path);
            else if (filesystem::is_regular_file(status))
                paths_.emplace(executor_.submit(sha256, path), path);
        };
        std::error_code error;
        const filesystem::file_status root_status = filesystem::symlink_status(root, error);
        if (error)
            report(root, error.message());
        else
            visit(root, filesystem::is_symlink(root_status) ? filesystem::status(root) : root_status);
        while (!directories.empty()) {
            const filesystem::path directory = directories.back();
            directories.pop_back();
            filesystem::directory_iterator entry(directory, error);
            while (!error && entry != filesystem::directory_iterator()) {
                const filesystem::file_status status = entry->symlink_status(error);
                if (error)
                    report(entry->path(), error.message());
                else
                    visit(entry->path(), status);
                entry.increment(error);
            }
            if (error)
                report(directory, error.message());
        }
    }

    void report(const filesystem::path& path, std::string_view reason) {
        progress_.clear();
        std::cerr << "checksum_tree: " << path.native() << ": " << reason << '\n';
        ++unreadable_;
    }

    progress_bar progress_;
    int unreadable_ = 0;
    std::unordered_map<futures::Future<std::string>, filesystem::path> paths_;
    futures::thread_pool_executor<> executor_;  // last, so that its tasks end before anything else goes
};

}  // namespace

int main(int argc, char** argv) {
    try {
        return checksum_tree(parse(argc, argv)).print();
    } catch (const std::exception& error) {
        std::cerr << "checksum_tree: " << error.what() << "\nusage: checksum_tree DIR [--workers N]\n";
        return wrong_usage;
    }
}
