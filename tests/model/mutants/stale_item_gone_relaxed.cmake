# A worker that has found an item misses that a stale item is gone, and the thread that took it out misses the worker.
set(header concurrent/futures/pool/pool_base.hpp)
set(group pool)
set(only "cancelled while its submitter takes it back")
set(finds "lost wake-up")
set(old [==[
    void note_stale_item_gone() noexcept { stale_items_.fetch_sub(1); }
]==])
set(new [==[
    void note_stale_item_gone() noexcept { stale_items_.fetch_sub(1, std::memory_order_relaxed); }
]==])
