# A coroutine that goes on in another executor doesn't wait until the thread that it comes from has left it.
set(header concurrent/futures/task/coroutine_task.hpp)
set(group coroutine)
set(only "before its worker has left it")
set(finds "race|use after destruction|crash")
set(old [==[
    for (back_off delay; !has_departed_.load(std::memory_order_acquire);) {
        delay.pause();
    }]==])
set(new [==[]==])
