# `pending_count` counts an item twice that goes from one list of the queue to the other.
set(header concurrent/futures/pool/worker_pool.hpp)
set(group pool)
set(only "does not count as pending")
set(finds "nothing waits")
set(old "is_inherited() ? queue_.size() : queue_.settled_size()")
set(new "queue_.size()")
