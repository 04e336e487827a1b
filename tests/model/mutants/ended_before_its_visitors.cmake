# A pool ends while the thread is still in it that has submitted the last task.
set(header concurrent/futures/pool/worker_pool.hpp)
set(group shutdown)
set(only "the very task destroys")
set(finds "data race: memory is written")
set(old [==[
    for (back_off delay; visitors_.load(std::memory_order_acquire) != 0;) {
        delay.pause();
    }
]==])
set(new [==[
]==])
