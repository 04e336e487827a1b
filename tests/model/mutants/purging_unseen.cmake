# A thread that purges a queue is not a visitor of the pool.
set(header concurrent/futures/pool/worker_pool.hpp)
set(group shutdown)
set(only "outlives that thread's purging")
set(finds "data race: memory is written")
set(old [==[
        release_all(queue.purge(stale_items_));
    }
    end_visit();
]==])
set(new [==[
        end_visit();
        release_all(queue.purge(stale_items_));
        return;
    }
    end_visit();
]==])
