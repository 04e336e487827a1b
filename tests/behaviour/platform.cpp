// SPDX-License-Identifier: MIT

// What the library asks the operating system for: the number of CPUs, and to show the names of threads.

#include <bit>
#include <chrono>
#include <concurrent/futures.hpp>
#include <cstddef>
#include <string>
#include <string_view>

#if defined(__linux__)
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <latch>
#include <limits>
#include <set>
#include <system_error>
#include <thread>
#include <vector>
#elif defined(_WIN32)
#if !defined(NOMINMAX)
#define NOMINMAX
#endif
#include <windows.h>
#endif

#include "support/catch.hpp"

namespace futures = concurrent::futures;
using futures::detail::runnable_threads;

#if defined(__linux__)

namespace {

using cpu_mask = std::array<unsigned long, 1024>;  // with room for the CPUs of any machine

cpu_mask mask_of_this_thread() {
    cpu_mask mask = {};
    if (sched_getaffinity(0, sizeof mask, reinterpret_cast<cpu_set_t*>(mask.data())) != 0) {
        throw std::system_error(errno, std::generic_category(), "sched_getaffinity");
    }
    return mask;
}

void set_mask_of_this_thread(const cpu_mask& mask) {
    if (sched_setaffinity(0, sizeof mask, reinterpret_cast<const cpu_set_t*>(mask.data())) != 0) {
        throw std::system_error(errno, std::generic_category(), "sched_setaffinity");
    }
}

int cpus_in_mask_of_this_thread() {
    int cpus = 0;
    for (const unsigned long word : mask_of_this_thread()) {
        cpus += std::popcount(word);
    }
    return cpus;
}

// Pins the calling thread to the first CPU of its mask as long as this lives.
class pinned {
public:
    pinned() {
        cpu_mask one = {};
        const auto word = std::find_if(before_.begin(), before_.end(), [](auto bits) { return bits != 0; });
        one[static_cast<std::size_t>(word - before_.begin())] = *word & (~*word + 1);
        set_mask_of_this_thread(one);
    }
    pinned(const pinned&) = delete;
    pinned& operator=(const pinned&) = delete;
    ~pinned() { set_mask_of_this_thread(before_); }

private:
    const cpu_mask before_ = mask_of_this_thread();
};

}  // namespace

// First of all, as it is about who asks first.
TEST_CASE("a pinned thread that asks first doesn't decide for the process whether threads spin") {
    const int cpus = futures::usable_cpus();
    bool fit = false;
    std::thread([&] {
        const pinned here;
        fit = runnable_threads::fit();
    }).join();
    CHECK(fit == (cpus > 1));
    CHECK(runnable_threads::fit() == (cpus > 1));
}

TEST_CASE("usable_cpus() is the same on a pinned thread") {
    const int cpus = futures::usable_cpus();
    int cpus_when_pinned = 0;
    int workers_when_pinned = 0;
    std::thread([&] {
        const pinned here;
        cpus_when_pinned = futures::usable_cpus();
        workers_when_pinned = futures::thread_pool_executor<>().max_workers();
    }).join();
    CHECK(cpus_when_pinned == cpus);
    CHECK(workers_when_pinned == std::min(32, cpus + 4));
}

// The thread that runs the tests is the process's first.
TEST_CASE("usable_cpus() respects the affinity mask of the process, and sees that it has changed") {
    const int before = futures::usable_cpus();
    {
        const pinned here;
        CHECK(futures::usable_cpus() == 1);
        CHECK(futures::thread_pool_executor<>().max_workers() == 5);
    }
    CHECK(futures::usable_cpus() == before);
}

TEST_CASE("executors that are made notice within about a second that there are fewer processors") {
    const auto until_fit_is = [](bool expected) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        while (runnable_threads::fit() != expected && std::chrono::steady_clock::now() < end) {
            const futures::thread_pool_executor<> executor(
                {.max_workers = 1, .thread_name_prefix = "unused"});
        }
        return runnable_threads::fit() == expected;
    };
    {
        const pinned here;
        CHECK(until_fit_is(false));
    }
    CHECK(until_fit_is(futures::usable_cpus() > 1));
}

TEST_CASE("an affinity mask is asked for with more and more room until there is enough for all CPUs") {
    std::vector<std::size_t> sizes;
    // A machine that may have 5,000 CPUs, of which the process may use all but the first.
    const int counted = futures::detail::count_allowed_cpus([&](unsigned long* words, std::size_t size) {
        sizes.push_back(size);
        constexpr std::size_t cpus = 5000;
        if (size * 8 < cpus) {
            return false;
        }
        constexpr std::size_t bits = std::numeric_limits<unsigned long>::digits;
        for (std::size_t cpu = 1; cpu < cpus; ++cpu) {
            words[cpu / bits] |= 1UL << cpu % bits;
        }
        return true;
    });
    CHECK(counted == 4999);
    CHECK(sizes == std::vector<std::size_t>{128, 256, 512, 1024});
}

TEST_CASE("a system that never gives the affinity mask is not asked for ever") {
    int calls = 0;
    CHECK(futures::detail::count_allowed_cpus([&](unsigned long*, std::size_t) {
              ++calls;
              return false;
          }) == 0);
    CHECK(calls > 1);
    CHECK(calls < 32);
}

namespace {

constexpr int none = futures::detail::unlimited_cpus;

// A directory with the files in which a kernel tells of quotas.
class fake_root {
public:
    fake_root() {
        std::string pattern = (std::filesystem::temp_directory_path() / "quota-XXXXXX").string();
        REQUIRE(mkdtemp(pattern.data()) != nullptr);
        directory_ = pattern;
    }
    fake_root(const fake_root&) = delete;
    fake_root& operator=(const fake_root&) = delete;
    ~fake_root() {
        std::error_code ignored;
        std::filesystem::remove_all(directory_, ignored);
    }

    fake_root& file(std::string_view path, std::string_view text) {
        const std::filesystem::path whole = directory_.string() + std::string(path);
        std::filesystem::create_directories(whole.parent_path());
        std::ofstream stream(whole, std::ios::binary);
        stream << text;
        REQUIRE(stream.flush().good());
        return *this;
    }

    // The cgroups that the process is in.
    fake_root& in(std::string_view text) { return file("/proc/self/cgroup", text); }

    fake_root& mounts(std::string_view text) { return file("/proc/self/mountinfo", text); }

    fake_root& quota_v1(const std::string& cgroup, std::string_view quota, std::string_view period) {
        file(cgroup + "/cpu.cfs_quota_us", quota);
        return file(cgroup + "/cpu.cfs_period_us", period);
    }

    [[nodiscard]] int quota() const { return futures::detail::cpu_quota(directory_.string()); }

    [[nodiscard]] int usable_cpus() const { return futures::detail::count_usable_cpus(directory_.string()); }

private:
    std::filesystem::path directory_;
};

constexpr std::string_view mount_v2 =
    "23 28 0:21 / /proc rw,relatime shared:12 - proc proc rw\n"
    "30 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev shared:9 master:4 - cgroup2 cgroup2 rw,nsdelegate\n";

constexpr std::string_view mounts_v1 =
    "32 25 0:27 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs ro,mode=755\n"
    "35 32 0:30 / /sys/fs/cgroup/cpuset rw,nosuid shared:15 - cgroup cgroup rw,cpuset\n"
    "36 32 0:31 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:16 - cgroup cgroup rw,cpu,cpuacct\n";

// The quota of a process whose cgroup has this cpu.max.
int quota_of_cpu_max(std::string_view text) {
    return fake_root().in("0::/a\n").mounts(mount_v2).file("/sys/fs/cgroup/a/cpu.max", text).quota();
}

}  // namespace

TEST_CASE("cgroup v2: the quota is cpu.max, rounded up, at least 1") {
    CHECK(quota_of_cpu_max("200000 100000\n") == 2);
    CHECK(quota_of_cpu_max("200001 100000\n") == 3);
    CHECK(quota_of_cpu_max("150000 100000\n") == 2);
    CHECK(quota_of_cpu_max("1000 100000\n") == 1);
    CHECK(quota_of_cpu_max("70000 20000") == 4);
    CHECK(quota_of_cpu_max("9223372036854775807 1\n") == none);
}

TEST_CASE("cgroup v2: \"max\" and what can't be parsed is no quota") {
    for (const std::string_view text :
         {"max 100000\n", "", "\n", " ", "100000", "100000 ", "100000 0\n", "0 100000\n", "-1 100000\n",
          "100000 -100000\n", "many 100000\n", "100000 100000x\n", "0x10 1\n", "1e5 100000\n",
          "\n100000 100000\n", "99999999999999999999 100000\n", "100000 99999999999999999999\n"}) {
        CAPTURE(text);
        CHECK(quota_of_cpu_max(text) == none);
    }
    CHECK(quota_of_cpu_max(std::string_view("100000\0 100000", 14)) == none);
    CHECK(quota_of_cpu_max(std::string(std::size_t{3} << 20, '1')) == none);
}

TEST_CASE("cgroup v2: the least quota of a cgroup and all its ancestors counts") {
    fake_root root;
    root.in("0::/kubepods/pod_1/container\n").mounts(mount_v2);
    CHECK(root.quota() == none);
    root.file("/sys/fs/cgroup/cpu.max", "800000 100000\n");
    CHECK(root.quota() == 8);
    root.file("/sys/fs/cgroup/kubepods/pod_1/container/cpu.max", "max 100000\n");
    CHECK(root.quota() == 8);
    root.file("/sys/fs/cgroup/kubepods/pod_1/cpu.max", "300000 100000\n");
    CHECK(root.quota() == 3);
    root.file("/sys/fs/cgroup/kubepods/cpu.max", "500000 100000\n");
    CHECK(root.quota() == 3);
    root.file("/sys/fs/cgroup/kubepods/pod_1/container/cpu.max", "50000 100000\n");
    CHECK(root.quota() == 1);
    root.file("/sys/fs/cgroup/kubepods/pod_1/container/cpu.max", "max 100000\n");
    CHECK(root.quota() == 3);  // asked anew
    root.file("/sys/fs/cgroup/kubepods/pod_2/cpu.max", "100000 100000\n")
        .file("/sys/fs/cgroup/kubepods/pod_1/container/child/cpu.max", "100000 100000\n")
        .file("/sys/fs/cpu.max", "100000 100000\n");
    CHECK(root.quota() == 3);  // neither siblings nor descendants count, nor what isn't mounted
}

TEST_CASE("cgroup v1: the quota is that of the cpu controller") {
    fake_root root;
    root.in("5:cpuset:/cpu_set\n4:cpu,cpuacct:/a/b\n1:name=systemd:/named\n").mounts(mounts_v1);
    CHECK(root.quota() == none);
    const std::string mounted = "/sys/fs/cgroup/cpu,cpuacct";
    root.quota_v1(mounted + "/a/b", "250000\n", "100000\n");
    CHECK(root.quota() == 3);
    root.quota_v1(mounted + "/a", "200000\n", "100000\n");
    CHECK(root.quota() == 2);
    root.quota_v1(mounted + "/a", "-1\n", "100000\n");
    CHECK(root.quota() == 3);
    root.quota_v1(mounted, "50000\n", "100000\n");
    CHECK(root.quota() == 1);
    root.quota_v1(mounted, "-1\n", "100000\n");
    root.quota_v1("/sys/fs/cgroup/cpuset/cpu_set", "50000\n", "100000\n");
    CHECK(root.quota() == 3);
}

TEST_CASE("cgroup v1: -1 and what can't be parsed is no quota") {
    fake_root root;
    root.in("4:cpu,cpuacct:/\n").mounts(mounts_v1);
    const std::string mounted = "/sys/fs/cgroup/cpu,cpuacct";
    root.file(mounted + "/cpu.cfs_quota_us", "100000\n");
    CHECK(root.quota() == none);  // no period
    struct {
        std::string_view quota;
        std::string_view period;
    } const cases[] = {{"-1\n", "100000\n"},  {"0\n", "100000\n"},        {"", "100000\n"},
                       {"few\n", "100000\n"}, {"100000\n", ""},           {"100000\n", "0\n"},
                       {"100000\n", "-1\n"},  {"100000 1\n", "100000\n"}, {"100000\n", "often\n"}};
    for (const auto& [quota, period] : cases) {
        CAPTURE(quota, period);
        CHECK(root.quota_v1(mounted, quota, period).quota() == none);
    }
    CHECK(root.quota_v1(mounted, "100000", "100000").quota() == 1);
}

TEST_CASE("cgroups v1 and v2 side by side: the lesser quota counts") {
    fake_root root;
    root.in("4:cpu,cpuacct:/one\n0::/two\n");
    root.mounts(std::string(mounts_v1) +
                "40 32 0:29 / /sys/fs/cgroup/unified rw,nosuid shared:10 - cgroup2 cgroup2 rw\n");
    root.quota_v1("/sys/fs/cgroup/cpu,cpuacct/one", "400000", "100000");
    CHECK(root.quota() == 4);
    root.file("/sys/fs/cgroup/unified/two/cpu.max", "200000 100000\n");
    CHECK(root.quota() == 2);
    root.file("/sys/fs/cgroup/unified/two/cpu.max", "600000 100000\n");
    CHECK(root.quota() == 4);
}

TEST_CASE("in a namespace of cgroups, the quota is that of the mounted cgroup and what is below it") {
    fake_root root;
    root.in("0::/\n").mounts(mount_v2).file("/sys/fs/cgroup/cpu.max", "300000 100000\n");
    CHECK(root.quota() == 3);
    root.in("0::/init\n").file("/sys/fs/cgroup/init/cpu.max", "200000 100000\n");
    CHECK(root.quota() == 2);
    // Mounted from outside the namespace, so that the ancestors can be seen, too.
    root.mounts("30 23 0:26 /.. /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    CHECK(root.quota() == 3);
    // In a cgroup outside the namespace: nothing but the mounted one may be looked at.
    root.in("0::/../neighbour\n").mounts(mount_v2);
    root.file("/sys/fs/neighbour/cpu.max", "100000 100000\n");
    CHECK(root.quota() == 3);
}

TEST_CASE("a mount that shows a container's cgroup alone is matched with the path outside the container") {
    fake_root root;
    root.in("4:cpu,cpuacct:/docker/1234\n");
    root.mounts("36 32 0:31 /docker/1234 /sys/fs/cgroup/cpu ro master:16 - cgroup cgroup rw,cpu,cpuacct\n");
    root.quota_v1("/sys/fs/cgroup/cpu", "500000", "100000");
    CHECK(root.quota() == 5);
    root.in("4:cpu,cpuacct:/docker/1234/child\n").quota_v1("/sys/fs/cgroup/cpu/child", "400000", "100000");
    CHECK(root.quota() == 4);
    // No descendant of what is mounted, though its path begins alike.
    root.in("4:cpu,cpuacct:/docker/12345\n").quota_v1("/sys/fs/cgroup/cpu5", "100000", "100000");
    CHECK(root.quota() == 5);
    root.in("4:cpu,cpuacct:/elsewhere\n").quota_v1("/sys/fs/cgroup/cpu/elsewhere", "100000", "100000");
    CHECK(root.quota() == 5);
}

TEST_CASE("a mount of another cgroup doesn't count where one of the process's own is") {
    fake_root root;
    root.in("0::/mine\n");
    root.file("/other/cpu.max", "100000 100000\n").file("/sys/fs/cgroup/mine/cpu.max", "200000 100000\n");
    const std::string other = "20 19 0:26 /other /other rw - cgroup2 cgroup2 rw\n";
    CHECK(root.mounts(other + std::string(mount_v2)).quota() == 2);
    CHECK(root.mounts(std::string(mount_v2) + other).quota() == 2);
    CHECK(root.mounts(other).quota() == 1);
}

TEST_CASE("a cgroup is found whose path or mount point has spaces, backslashes or colons in it") {
    fake_root root;
    root.in("0::/a b/c\\x2dd:e\n");
    root.mounts("30 23 0:26 /a\\040b /sys/c\\134g\\040roup rw - cgroup2 cgroup2 rw\n");
    root.file("/sys/c\\g roup/c\\x2dd:e/cpu.max", "300000 100000\n");
    CHECK(root.quota() == 3);
}

TEST_CASE("without /proc, or with nonsense in it, there is no quota") {
    fake_root root;
    CHECK(root.quota() == none);
    root.file("/sys/fs/cgroup/cpu.max", "100000 100000\n");
    root.mounts(mount_v2);
    CHECK(root.quota() == none);  // it isn't known in which cgroup the process is
    for (const std::string_view text :
         {"", "\n\n\n", ":", "::", "0\n", "0:cpu", "4:cpuset:/\n", "0::x\n", "0::\n", "no colons\n"}) {
        CAPTURE(text);
        CHECK(root.in(text).quota() == none);
    }
    root.in("0::/\n");
    CHECK(root.quota() == 1);
    for (const std::string_view text :
         {"", "\n", " ", "30 23 0:26 / /sys/fs/cgroup", "30 23 0:26 / /sys/fs/cgroup rw shared:9",
          "30 23 0:26 / /sys/fs/cgroup rw -", "30 23 0:26 / /sys/fs/cgroup rw - ", " - cgroup2",
          "30 23 0:26 / /sys/fs/cgroup rw - cgroup cgroup rw\n", "cgroup2 cgroup2 rw - / /sys/fs/cgroup\n",
          "30 23 0:26 / \\ rw - cgroup2 cgroup2 rw\n", "30 23 0:26 / \\0 rw - cgroup2 cgroup2 rw\n",
          "30 23 0:26 / \\999 rw - cgroup2 cgroup2 rw\n"}) {
        CAPTURE(text);
        CHECK(root.mounts(text).quota() == none);
    }
}

TEST_CASE("no more than the beginning of an endless list of mounts is read") {
    fake_root root;
    root.in("0::/\n").file("/sys/fs/cgroup/cpu.max", "100000 100000\n");
    std::string others;
    while (others.size() < std::size_t{2} << 20) {
        others += "31 23 0:27 / /mnt rw,relatime - ext4 /dev/disk rw\n";
    }
    CHECK(root.mounts(std::string(mount_v2) + others).quota() == 1);
    CHECK(root.mounts(others + std::string(mount_v2)).quota() == none);
}

TEST_CASE("usable_cpus() is no more than the quota") {
    fake_root root;
    CHECK(root.usable_cpus() == cpus_in_mask_of_this_thread());
    root.in("0::/\n").mounts(mount_v2).file("/sys/fs/cgroup/cpu.max", "50000 100000\n");
    CHECK(root.usable_cpus() == 1);
    root.file("/sys/fs/cgroup/cpu.max", "99900000 1000\n");
    CHECK(root.usable_cpus() == std::min(99900, cpus_in_mask_of_this_thread()));
    CHECK(futures::usable_cpus() == std::min(cpus_in_mask_of_this_thread(), futures::detail::cpu_quota()));
}

#elif defined(_WIN32)

TEST_CASE("usable_cpus() respects the affinity mask") {
    DWORD_PTR before = 0;
    DWORD_PTR all = 0;
    REQUIRE(GetProcessAffinityMask(GetCurrentProcess(), &before, &all));
    CHECK(futures::usable_cpus() >= std::popcount(before));
    REQUIRE(SetProcessAffinityMask(GetCurrentProcess(), std::bit_floor(before)));
    const int usable = futures::usable_cpus();
    const int workers = futures::thread_pool_executor<>().max_workers();
    REQUIRE(SetProcessAffinityMask(GetCurrentProcess(), before));
    CHECK(usable == 1);
    CHECK(workers == 5);
}

#endif

TEST_CASE("the number of processors is asked for again in another second, and not before") {
    const std::chrono::steady_clock::time_point first{std::chrono::hours(1000)};
    int calls = 0;
    const auto note = [&](std::chrono::steady_clock::duration after, int answer) {
        runnable_threads::note_processors(first + after, [&] {
            ++calls;
            return answer;
        });
    };
    using namespace std::chrono_literals;
    note(0s, 1);
    CHECK(calls == 1);
    CHECK_FALSE(runnable_threads::fit());
    note(0s, 2);
    note(999ms, 2);
    CHECK(calls == 1);
    CHECK_FALSE(runnable_threads::fit());
    note(1s, 2);
    CHECK(calls == 2);
    CHECK(runnable_threads::fit());
    note(1s, 1);
    CHECK(calls == 2);
    runnable_threads::note_processors();  // the real ones again
    CHECK(runnable_threads::fit() == (futures::usable_cpus() > 1));
}

namespace {

template <std::size_t limit>
std::string shortened(std::string_view name) {
    const auto shorter = futures::detail::shorten_thread_name<limit>(name);
    CHECK(shorter.back() == '\0');
    return shorter.data();
}

}  // namespace

TEST_CASE("a thread's name that isn't too long is shown as it is") {
    CHECK(shortened<15>("").empty());
    CHECK(shortened<15>("crawler_0") == "crawler_0");
    CHECK(shortened<15>("crawler-12345_6") == "crawler-12345_6");
    CHECK(shortened<63>("thread_pool_executor-3_12") == "thread_pool_executor-3_12");
}

TEST_CASE("a thread's name that is too long keeps its end: the numbers of the worker and of the pool") {
    CHECK(shortened<15>("thread_pool_executor-3_12") == "thread_poo-3_12");
    CHECK(shortened<15>("thread_pool_executor-0_0") == "thread_pool-0_0");
    CHECK(shortened<15>("thread_pool_executor-123456_31") == "threa-123456_31");
    CHECK(shortened<15>("a-name-that-is-long_0") == "a-name-that-i_0");
    CHECK(shortened<15>("a-name-that-is-long_1234") == "a-name-tha_1234");
    CHECK(shortened<15>("a-name-that-is-long-") == "a-name-that-is-");
    CHECK(shortened<15>("a-name-that-is-long_") == "a-name-that-is-");
    CHECK(shortened<15>("1234567890123456789") == "123456789012345");
    CHECK(shortened<63>(std::string(70, 'a') + "-3_12") == std::string(58, 'a') + "-3_12");
}

TEST_CASE("a thread's name whose end alone is too long keeps the last bytes") {
    CHECK(shortened<15>("thread_pool_executor-4294967295_2147") == "4294967295_2147");
    CHECK(shortened<15>("thread_pool_executor-4294967295_214") == "-4294967295_214");
    CHECK(shortened<4>("pool-12_345") == "_345");
    CHECK(shortened<3>("pool-12_345") == "345");
}

TEST_CASE("a thread's name isn't cut amid a UTF-8 character") {
    const std::string two = "\xC3\xA4";           // an a with an umlaut
    const std::string three = "\xE2\x82\xAC";     // a euro sign
    const std::string four = "\xF0\x9F\x98\x80";  // a face
    CHECK(shortened<15>(two + two + two + two + two + two + two + two + "_1") ==
          two + two + two + two + two + two + "_1");
    CHECK(shortened<15>("x" + two + two + two + two + two + two + two + "_1") ==
          "x" + two + two + two + two + two + two + "_1");
    CHECK(shortened<15>(three + three + three + three + three + "_1") ==
          three + three + three + three + "_1");
    CHECK(shortened<15>("x" + three + three + three + three + three + "_1") ==
          "x" + three + three + three + three + "_1");
    CHECK(shortened<15>("xy" + three + three + three + three + three + "_1") ==
          "xy" + three + three + three + "_1");
    CHECK(shortened<15>(four + four + four + four + "_1") == four + four + four + "_1");
    CHECK(shortened<15>("xy" + four + four + four + four + "_1") == "xy" + four + four + "_1");
    CHECK(shortened<3>(four + "_1") == "_1");
}

#if defined(__linux__)
TEST_CASE("the workers of all default pools can be told apart by the names that the operating system shows") {
    std::set<std::string> shown;
    for (int pool = 0; pool < 2; ++pool) {
        constexpr int workers = 3;
        futures::thread_pool_executor executor(workers);
        std::latch all(workers);
        std::vector<futures::Future<std::string>> names;
        for (int worker = 0; worker < workers; ++worker) {
            names.push_back(executor.submit([&] {
                all.arrive_and_wait();
                char name[64] = {};
                pthread_getname_np(pthread_self(), name, sizeof name);
                return std::string(name);
            }));
        }
        for (const auto& name : names) {
            const std::string& each = name.result();
            CAPTURE(each);
            CHECK(each.starts_with("thread_"));
            shown.insert(each);
        }
    }
    CHECK(shown.size() == 6);
}
#endif
