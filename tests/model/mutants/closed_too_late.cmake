# A pool is closed when its workers may have looked for the last time.
set(header concurrent/futures/pool/worker_pool.hpp)
set(group shutdown)
set(only "against a shutdown")
set(finds "lost wake-up|check")
set(old [==[
            closed_.store(true, std::memory_order_relaxed);  // relaxed: the queues' locks order the store
        }
        crew_.end();
]==])
set(new [==[
        }
        crew_.end();
        closed_.store(true, std::memory_order_relaxed);
]==])
