// SPDX-License-Identifier: MIT

#include <array>
#include <concurrent/futures.hpp>
#include <cstddef>
#include <iterator>
#include <optional>
#include <ranges>
#include <utility>
#include <vector>

#include "calls.hpp"
#include "client.hpp"

namespace endurance {

namespace {

// The numbers from 0 on, each of which can be read but once.
class input_only {
public:
    class iterator {
    public:
        using iterator_concept = std::input_iterator_tag;
        using value_type = long;
        using difference_type = std::ptrdiff_t;

        explicit iterator(input_only& range) : range_(&range) {}
        iterator(iterator&&) = default;
        iterator& operator=(iterator&&) = default;
        // As the library copies it, if only to keep it.
        iterator(const iterator&) = default;
        iterator& operator=(const iterator&) = default;

        long operator*() const { return range_->next_; }
        iterator& operator++() {
            ++range_->next_;
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(const iterator& self, std::default_sentinel_t) { return self.at_end(); }

    private:
        bool at_end() const { return range_->next_ == range_->size_; }

        input_only* range_;
    };

    explicit input_only(long size) : size_(size) {}

    iterator begin() { return iterator(*this); }
    std::default_sentinel_t end() const { return {}; }

private:
    long size_;
    long next_ = 0;
    counted passenger_;
};

// What is mapped. Whether it throws is a matter of the element, so that everybody knows.
struct mapped {
    pool_record* pool;
    map_record* record;
    std::uint64_t seed;
    counted passenger{};

    bool throws_at(long index) const {
        return seed % 2 == 0 && random_source(seed + static_cast<std::uint64_t>(index)).one_in(30);
    }
    static long result_at(long index) { return 3 * index + 1; }

    long operator()(long index) const {
        faults::own_work own;
        ++pool->running;
        const long result = result_at(index) + passenger.value();
        if (static_cast<std::size_t>(index) < record->calls.size()) {
            require(record->calls[static_cast<std::size_t>(index)]++ == 0, "a map calls once for an element");
        }
        const bool throws = throws_at(index);
        random_source random(seed ^ static_cast<std::uint64_t>(index));
        --pool->running;
        if (is_worker_of(*pool)) {
            own.fail_afterwards(random);
        }
        if (throws) {
            throw purposeful(the_books.new_thrown(false));
        }
        return result;
    }
    long operator()(long index, long same) const {
        require(index == same, "a map goes side by side");
        return (*this)(index);
    }
};

std::vector<long> numbers(long size) {
    std::vector<long> all;
    for (long each = 0; each != size; ++each) {
        all.push_back(each);
    }
    return all;
}

}  // namespace

template <class Queue, class... Ranges>
void client::map_over(pool_pointer<Queue> target, long size, const futures::map_options& options,
                      Ranges&&... ranges) {
    ++total.maps;
    pool_record& pool = target->record;
    pool.mapped = true;
    const mapped function{&pool, &the_books.new_map(), random_.seed()};
    const long last = random_.one_in(2) ? -1 : random_.up_to(40);
    using results_type = decltype(target->executor->map(options, function, std::forward<Ranges>(ranges)...));
    std::optional<results_type> results;
    long index = 0;
    bool timed_out = false;
    const bool ended = submits(pool, [&] {
        try {
            const faults::library_call call(random_);
            results.emplace(target->executor->map(options, function, std::forward<Ranges>(ranges)...));
            if (random_.one_in(4)) {
                target.reset();  // it may have been the last pointer
            }
            if (random_.one_in(6)) {
                results.reset();  // nobody asked for any
                return;
            }
            for (const long each : *results) {
                require(each == mapped::result_at(index) && !function.throws_at(index),
                        "a map's results are right", index, each);
                if (index++ == last) {
                    results.reset();
                    return;
                }
            }
            require(index == size, "a map yields all results", index, size);
        } catch (const purposeful& thrown) {
            thrown.retrieved();
            require(function.throws_at(index), "a map throws where its function has", index);
        } catch (const futures::timeout_error&) {
            timed_out = true;
        } catch (const futures::cancelled_error&) {
            require(pool.cancels, "nothing else cancels a map");
        }
    });
    if (results && (!ended || timed_out)) {
        require(results->begin() == results->end(), "after an exception a map yields nothing");
    }
}

template <class Queue>
void client::map_something(pool_pointer<Queue> target) {
    futures::map_options options;
    if (random_.one_in(4)) {
        options.timeout = soon();
    }
    if (random_.one_in(2)) {
        options.buffersize = 1 + random_.up_to(6);
    }
    options.chunksize = 1 + random_.up_to(random_.one_in(2) ? 1 : 5);
    options.auto_chunksize = random_.one_in(4);
    const long size = random_.up_to(60);
    switch (random_.up_to(5)) {
        case 0:
            map_over(std::move(target), size, options, std::views::iota(0L, size));
            break;
        case 1:
            map_over(std::move(target), size, options, numbers(size));
            break;
        case 2:
            map_over(std::move(target), size, options, numbers(size), std::views::iota(0L));
            break;
        case 3:
            map_over(std::move(target), size, options, input_only(size));
            break;
        default: {
            const std::vector<long> copied = numbers(size);
            map_over(std::move(target), size, options, copied);
        }
    }
}

void client::map_with(any_pool target) {
    std::visit(
        [this](auto each) {
            if (each) {
                map_something(std::move(each));
            }
        },
        std::move(target));
}

}  // namespace endurance
