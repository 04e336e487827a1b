# A worker that finds an item when it is about to sleep does not count as searching, and so wakes nobody for the rest.
set(header concurrent/futures/pool/sleep.hpp)
set(group pool)
set(only "a worker that finds two tasks")
set(finds "lost wake-up")
set(old [==[
    if (source_.has_items()) {
        return true;
    }
    if (is_to_end]==])
set(new [==[
    if (source_.has_items()) {
        self.search_ = sleeper::search::none;
        word_.fetch_sub(worker_counts::one_searching);
        return true;
    }
    if (is_to_end]==])
